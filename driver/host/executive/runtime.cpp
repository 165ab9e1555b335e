#include "driver/host/executive/runtime.hpp"

#include <sys/random.h>

#include <cstring>
#include <string_view>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/thread_state.hpp"

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

extern "C" void NTAPI RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString) {
    *DestinationString = {};
    if (SourceString != nullptr) {
        const auto bytes = static_cast<USHORT>(std::u16string_view(SourceString).size() * sizeof(WCHAR));
        *DestinationString = {bytes, static_cast<USHORT>(bytes + sizeof(WCHAR)), const_cast<PWSTR>(SourceString)};
    }
}

extern "C" NTSTATUS NTAPI ExUuidCreate(UUID* Uuid) {
    require_irql(PASSIVE_LEVEL, "ExUuidCreate");
    if (executive_parts().faults.should_fail("ExUuidCreate") ||
        ::getrandom(Uuid, sizeof(*Uuid), 0) != ssize_t{sizeof(*Uuid)}) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    // Version 4, variant 1: random.
    Uuid->Data3 = static_cast<USHORT>((Uuid->Data3 & 0x0FFF) | 0x4000);
    Uuid->Data4[0] = static_cast<UCHAR>((Uuid->Data4[0] & 0x3F) | 0x80);
    return STATUS_SUCCESS;
}
