// Thread notify routines, and what NT tells about threads by functions that mingw's import library lacks.
#pragma once

#include <ntifs.h>

#include <cstdint>
#include <functional>

#include "driver/host/executive/processes/routine_list.hpp"

namespace aegis::host {

// By which function a routine is registered, which says about which threads it is told, and where.
enum class ThreadNotifyKind {
    kPlain,       // on the creating thread; not of other subsystems
    kNonSystem,   // …Ex: on the new thread; neither system threads nor those of other subsystems
    kSubsystems,  // …Ex: on the creating thread, whatever the subsystem
};

// Which of them a notification is for.
bool is_told(ThreadNotifyKind kind, bool on_new_thread, bool of_system, bool of_subsystem);

}  // namespace aegis::host

// PSCREATETHREADNOTIFYTYPE
inline constexpr ULONG PsCreateThreadNotifyNonSystem = 0;
inline constexpr ULONG PsCreateThreadNotifySubsystems = 1;

inline constexpr ACCESS_MASK THREAD_QUERY_INFORMATION = 0x0040;
inline constexpr ULONG ThreadQuerySetWin32StartAddress = 9;

extern "C" {
// PASSIVE_LEVEL.
NTSTATUS NTAPI PsSetCreateThreadNotifyRoutineEx(ULONG NotifyType, PVOID NotifyInformation);
NTSTATUS NTAPI ZwQueryInformationThread(HANDLE ThreadHandle, ULONG ThreadInformationClass, PVOID ThreadInformation,
                                        ULONG ThreadInformationLength, PULONG ReturnLength);

// Any IRQL.
NTSTATUS NTAPI PsGetProcessExitStatus(PEPROCESS Process);
NTSTATUS NTAPI PsGetThreadExitStatus(PETHREAD Thread);
ULONGLONG NTAPI PsGetProcessStartKey(PEPROCESS Process);
BOOLEAN NTAPI PsIsProtectedProcess(PEPROCESS Process);
}
