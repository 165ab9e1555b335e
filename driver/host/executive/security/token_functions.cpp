// Queries of a token: the Se… calls.
#include <ntifs.h>

#include <cstring>
#include <optional>

#include "driver/host/executive/memory/pool.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/security/token_references.hpp"
#include "driver/host/executive/sync/thread_state.hpp"

namespace aegis::host {
namespace {

// Paged pool, as NT hands it out; null when there is none.
void* allocate(std::size_t bytes, const void* caller) {
    return executive_parts().pool.allocate(PagedPool, bytes, kTokenInformationTag, caller);
}

NTSTATUS hand_out_user(const Token& token, const void* caller, PVOID* information) {
    if (token.sids.empty()) {
        return STATUS_NOT_FOUND;
    }
    const SidBytes& sid = token.sids.front();
    void* const block = allocate(sizeof(TOKEN_USER) + sid.size(), caller);
    if (block == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    auto* const user = static_cast<TOKEN_USER*>(block);
    *user = {{user + 1, 0}};
    std::memcpy(user + 1, sid.data(), sid.size());
    *information = block;
    return STATUS_SUCCESS;
}

NTSTATUS hand_out_elevation(std::optional<ULONG> elevation, const void* caller, PVOID* information) {
    if (!elevation) {
        return STATUS_NOT_FOUND;
    }
    void* const block = allocate(sizeof(*elevation), caller);
    if (block == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    std::memcpy(block, &*elevation, sizeof(*elevation));
    *information = block;
    return STATUS_SUCCESS;
}

// As NT does it: four bytes, into the pointer itself.
NTSTATUS write_integrity(std::optional<ULONG> integrity, PVOID* information) {
    if (!integrity) {
        return STATUS_NOT_FOUND;
    }
    std::memcpy(static_cast<void*>(information), &*integrity, sizeof(*integrity));
    return STATUS_SUCCESS;
}

}  // namespace
}  // namespace aegis::host

using namespace aegis::host;

extern "C" NTSTATUS NTAPI SeQueryInformationToken(PACCESS_TOKEN Token, TOKEN_INFORMATION_CLASS TokenInformationClass,
                                                  PVOID* TokenInformation) {
    require_irql(PASSIVE_LEVEL, "SeQueryInformationToken");
    ExecutiveParts& parts = executive_parts();
    const aegis::host::Token& token = parts.token_references.require(Token, "SeQueryInformationToken");
    if (parts.faults.should_fail("SeQueryInformationToken")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    switch (TokenInformationClass) {
        case TokenUser:
            return hand_out_user(token, __builtin_return_address(0), TokenInformation);
        case TokenElevationType:
            return hand_out_elevation(token.elevation, __builtin_return_address(0), TokenInformation);
        case TokenIntegrityLevel:
            return write_integrity(token.integrity, TokenInformation);
    }
    return STATUS_INVALID_INFO_CLASS;
}

extern "C" NTSTATUS NTAPI SeQueryAuthenticationIdToken(PACCESS_TOKEN Token, PLUID AuthenticationId) {
    require_irql(PASSIVE_LEVEL, "SeQueryAuthenticationIdToken");
    ExecutiveParts& parts = executive_parts();
    const aegis::host::Token& token = parts.token_references.require(Token, "SeQueryAuthenticationIdToken");
    if (parts.faults.should_fail("SeQueryAuthenticationIdToken")) {
        return STATUS_INVALID_PARAMETER;
    }
    *AuthenticationId = token.logon_id;
    return STATUS_SUCCESS;
}

extern "C" NTSTATUS NTAPI SeQuerySessionIdToken(PACCESS_TOKEN Token, PULONG SessionId) {
    require_irql(PASSIVE_LEVEL, "SeQuerySessionIdToken");
    ExecutiveParts& parts = executive_parts();
    const aegis::host::Token& token = parts.token_references.require(Token, "SeQuerySessionIdToken");
    if (parts.faults.should_fail("SeQuerySessionIdToken")) {
        return STATUS_INVALID_PARAMETER;
    }
    *SessionId = token.session;
    return STATUS_SUCCESS;
}
