#include "sensors/process_token.hpp"

#include <cstdint>

namespace aegis::driver {
namespace {

// A process's primary token, referenced for one scope. IRQL PASSIVE_LEVEL.
class PrimaryToken {
  public:
    explicit PrimaryToken(PEPROCESS process) : token_(PsReferencePrimaryToken(process)) {}
    ~PrimaryToken() {
        if (token_ != nullptr) {
            PsDereferencePrimaryToken(token_);
        }
    }
    PrimaryToken(const PrimaryToken&) = delete;
    PrimaryToken& operator=(const PrimaryToken&) = delete;

    PACCESS_TOKEN get() const { return token_; }

  private:
    PACCESS_TOKEN token_;
};

// One piece of what a token says. NT hands out a number in place of a pointer or in memory, depending on the piece;
// memory is the caller's to free. IRQL PASSIVE_LEVEL.
class TokenInformation {
  public:
    TokenInformation(PACCESS_TOKEN token, TOKEN_INFORMATION_CLASS piece)
        : known_(NT_SUCCESS(SeQueryInformationToken(token, piece, &value_))) {}
    ~TokenInformation() {
        if (is_memory()) {
            // Whatever tag NT has given it.
            ExFreePoolWithTag(value_, 0);
        }
    }
    TokenInformation(const TokenInformation&) = delete;
    TokenInformation& operator=(const TokenInformation&) = delete;

    bool known() const { return known_; }

    // Null for a number.
    const void* memory() const { return is_memory() ? value_ : nullptr; }

    std::uint32_t number() const {
        return is_memory() ? *static_cast<const std::uint32_t*>(value_)
                           : static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(value_));
    }

  private:
    // Nobody has memory there, and no number of a token is as large.
    static constexpr std::uintptr_t kLowestAddress = 0x10000;

    bool is_memory() const { return known_ && reinterpret_cast<std::uintptr_t>(value_) >= kLowestAddress; }

    PVOID value_ = nullptr;
    bool known_;
};

// Whose token it is. IRQL PASSIVE_LEVEL.
void add_identity(PACCESS_TOKEN token, AEGIS_PROCESS_DETAILS_PAYLOAD* told) {
    LUID logon{};
    ULONG session = 0;
    const TokenInformation user(token, TokenUser);
    if (user.memory() == nullptr || !NT_SUCCESS(SeQueryAuthenticationIdToken(token, &logon)) ||
        !NT_SUCCESS(SeQuerySessionIdToken(token, &session))) {
        return;
    }
    const PSID sid = static_cast<const TOKEN_USER*>(user.memory())->User.Sid;
    const ULONG bytes = RtlLengthSid(sid);
    if (bytes > AEGIS_SID_BYTES_MAX) {
        return;
    }
    RtlCopyMemory(told->Text, sid, bytes);
    told->SidLength = static_cast<std::uint16_t>(bytes);
    told->LogonId = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(logon.HighPart)) << 32) | logon.LowPart;
    told->SessionId = session;
    told->Flags |= AEGIS_DETAILS_TOKEN_VALID;
}

}  // namespace

void add_token(PEPROCESS process, AEGIS_PROCESS_DETAILS_PAYLOAD* told) {
    const PrimaryToken token(process);
    if (token.get() == nullptr) {
        return;
    }
    add_identity(token.get(), told);
    const TokenInformation integrity(token.get(), TokenIntegrityLevel);
    if (integrity.known()) {
        told->IntegrityLevel = integrity.number();
        told->Flags |= AEGIS_DETAILS_INTEGRITY_VALID;
    }
    const TokenInformation elevation(token.get(), TokenElevationType);
    if (elevation.known()) {
        told->Elevation = static_cast<std::uint8_t>(elevation.number());
    }
}

}  // namespace aegis::driver
