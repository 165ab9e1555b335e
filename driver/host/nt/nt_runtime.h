/* Strings, unique identifiers, time, debug output. */
#ifndef AEGIS_HOST_NT_RUNTIME_H
#define AEGIS_HOST_NT_RUNTIME_H

#include <cstring>

#include "nt_process.h"

inline constexpr ULONG DPFLTR_IHVDRIVER_ID = 77;
inline constexpr ULONG DPFLTR_ERROR_LEVEL = 0;
inline constexpr ULONG DPFLTR_WARNING_LEVEL = 1;
inline constexpr ULONG DPFLTR_TRACE_LEVEL = 2;
inline constexpr ULONG DPFLTR_INFO_LEVEL = 3;

inline void RtlCopyMemory(void* destination, const void* source, SIZE_T bytes) {
    std::memcpy(destination, source, bytes);
}

inline void RtlMoveMemory(void* destination, const void* source, SIZE_T bytes) {
    std::memmove(destination, source, bytes);
}

inline void RtlZeroMemory(void* destination, SIZE_T bytes) {
    std::memset(destination, 0, bytes);
}

extern "C" {
/* Any IRQL with nonpaged strings. */
void NTAPI RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString);

/* PASSIVE_LEVEL: NT's table is pageable. */
WCHAR NTAPI RtlUpcaseUnicodeChar(WCHAR SourceCharacter);

/* PASSIVE_LEVEL. */
NTSTATUS NTAPI ExUuidCreate(UUID* Uuid);

/* Any IRQL: 100 ns since 1601, UTC. */
void NTAPI KeQuerySystemTime(PLARGE_INTEGER CurrentTime);

/* Any IRQL, but %wZ and %ws <= PASSIVE_LEVEL. Understands d i u x X p s c lu ld lx llu lld llx I64 wZ ws. */
ULONG NTAPI DbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, ...);

/* Any IRQL. Does not return. */
[[noreturn]] void NTAPI KeBugCheckEx(ULONG BugCheckCode, ULONG_PTR BugCheckParameter1, ULONG_PTR BugCheckParameter2,
                                     ULONG_PTR BugCheckParameter3, ULONG_PTR BugCheckParameter4);
}

#endif
