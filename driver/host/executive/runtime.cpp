#include "driver/host/executive/runtime.hpp"

#include <fmt/format.h>

#include <clocale>
#include <cstring>
#include <cwctype>
#include <string_view>

#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {

void* NTAPI nt_memcpy(void* destination, const void* source, SIZE_T bytes) {
    return std::memcpy(destination, source, bytes);
}

void* NTAPI nt_memmove(void* destination, const void* source, SIZE_T bytes) {
    return std::memmove(destination, source, bytes);
}

void* NTAPI nt_memset(void* destination, int value, SIZE_T bytes) {
    return std::memset(destination, value, bytes);
}

int NTAPI nt_memcmp(const void* left, const void* right, SIZE_T bytes) {
    return std::memcmp(left, right, bytes);
}

}  // namespace aegis::host

using namespace aegis::host;

extern "C" [[noreturn]] void NTAPI KeBugCheckEx(ULONG BugCheckCode, ULONG_PTR BugCheckParameter1,
                                                ULONG_PTR BugCheckParameter2, ULONG_PTR BugCheckParameter3,
                                                ULONG_PTR BugCheckParameter4) {
    // The one code that our driver has a use for; any other one shows by its number.
    constexpr ULONG kDriverOverranStackBuffer = 0xF7;
    const Bugcheck code = BugCheckCode == kDriverOverranStackBuffer ? Bugcheck::kDriverOverranStackBuffer
                                                                    : Bugcheck::kDriverVerifierDetectedViolation;
    verifier_stop(code, fmt::format("KeBugCheckEx({:#x}, {:#x}, {:#x}, {:#x}, {:#x})", BugCheckCode, BugCheckParameter1,
                                    BugCheckParameter2, BugCheckParameter3, BugCheckParameter4));
}

extern "C" void NTAPI RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString) {
    *DestinationString = {};
    if (SourceString != nullptr) {
        const auto bytes = static_cast<USHORT>(std::u16string_view(SourceString).size() * sizeof(WCHAR));
        *DestinationString = {bytes, static_cast<USHORT>(bytes + sizeof(WCHAR)), const_cast<PWSTR>(SourceString)};
    }
}

// One unit for one unit, as NT's table has it: what needs two stays as it is, and so do the halves of a pair.
extern "C" WCHAR NTAPI RtlUpcaseUnicodeChar(WCHAR SourceCharacter) {
    require_irql(PASSIVE_LEVEL, "RtlUpcaseUnicodeChar");
    static const locale_t kUnicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    const auto plain = [](wint_t unit) { return unit >= L'a' && unit <= L'z' ? unit - (L'a' - L'A') : unit; };
    const wint_t upper =
        kUnicode != nullptr ? towupper_l(SourceCharacter, kUnicode) : plain(static_cast<wint_t>(SourceCharacter));
    return upper <= 0xFFFF ? static_cast<WCHAR>(upper) : SourceCharacter;
}
