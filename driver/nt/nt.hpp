// The one include of NT's declarations for driver sources, and the few that differ between the kits they come from.
//
// Under mingw-w64 <ntifs.h> is mingw's; in the host build it is driver/host/nt/ntifs.h with the same sizes, offsets
// and calling convention.
#pragma once

#include <ntifs.h>

#include <cstddef>

namespace aegis::driver {

// Missing in mingw-w64's wdm.h; honoured by MmMapLockedPagesSpecifyCache from Windows 8 on.
inline constexpr ULONG kMdlMappingNoWrite = 0x80000000U;
inline constexpr ULONG kMdlMappingNoExecute = 0x40000000U;

// PsSetCreateProcessNotifyRoutineEx2, which mingw-w64 lacks and Windows has from 10 1703 on, and its one type of
// notification: processes of every subsystem.
using SetProcessNotifyRoutineEx2 = NTSTATUS(NTAPI*)(ULONG type, PVOID routine, BOOLEAN remove);
inline constexpr ULONG kPsCreateProcessNotifySubsystems = 0;

// The object type of events. mingw-w64 declares the variable dllimport, so that its value already is the type and
// the customary dereference would read the type object's first bytes as a pointer.
inline POBJECT_TYPE event_object_type() {
#if defined(__MINGW32__)
    return reinterpret_cast<POBJECT_TYPE>(ExEventObjectType);
#else
    return *ExEventObjectType;
#endif
}

// Where the kernel keeps the type of processes, and of threads: what ObRegisterCallbacks wants. The same difference.
inline POBJECT_TYPE* process_type_variable() {
#if defined(__MINGW32__)
    return reinterpret_cast<POBJECT_TYPE*>(&PsProcessType);
#else
    return PsProcessType;
#endif
}

inline POBJECT_TYPE* thread_type_variable() {
#if defined(__MINGW32__)
    return reinterpret_cast<POBJECT_TYPE*>(&PsThreadType);
#else
    return PsThreadType;
#endif
}

// A counted string over a literal, for NT calls that only read it.
template <std::size_t kUnits>
UNICODE_STRING unicode_literal(const char16_t (&text)[kUnits]) {
    constexpr auto kBytes = static_cast<USHORT>((kUnits - 1) * sizeof(char16_t));
    UNICODE_STRING string;
    string.Length = kBytes;
    string.MaximumLength = kBytes;
    string.Buffer = reinterpret_cast<PWCH>(const_cast<char16_t*>(text));
    return string;
}

}  // namespace aegis::driver
