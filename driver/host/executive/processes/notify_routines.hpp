// Process notify routines: by which function each is registered, and how it wants to be called.
#pragma once

#include <ntifs.h>

#include <functional>

#include "driver/host/executive/processes/routine_list.hpp"

namespace aegis::host {

// By which function a routine is registered, and has to be removed.
enum class NotifyKind {
    kPlain,       // PsSetCreateProcessNotifyRoutine
    kExtended,    // …Ex
    kSubsystems,  // …Ex2: called as an extended one, also for processes of other subsystems
};

class NotifyRoutines {
  public:
    // STATUS_INVALID_PARAMETER when registered already, or no slot is free.
    NTSTATUS add(PVOID routine, NotifyKind kind);
    // As RoutineList::remove; STATUS_PROCEDURE_NOT_FOUND when it was registered as another kind, too.
    NTSTATUS remove(PVOID routine, NotifyKind kind);

    using ExtendedCall = std::function<void(PCREATE_PROCESS_NOTIFY_ROUTINE_EX)>;
    using LegacyCall = std::function<void(PCREATE_PROCESS_NOTIFY_ROUTINE)>;
    // Calls every routine registered now, in the order of registration, the way its kind wants it; about a process of
    // another subsystem those that asked for it.
    void call_all(bool of_subsystem, const ExtendedCall& extended, const LegacyCall& legacy);

    RoutineList& list() { return list_; }

  private:
    RoutineList list_{"process notify routine"};
};

}  // namespace aegis::host

// In PsSetCreateProcessNotifyRoutineEx2: the one type.
inline constexpr ULONG PsCreateProcessNotifySubsystems = 0;

// PASSIVE_LEVEL. Not in ntifs.h, because mingw's import library lacks it: drivers look it up by name.
extern "C" NTSTATUS NTAPI PsSetCreateProcessNotifyRoutineEx2(ULONG NotifyType, PVOID NotifyInformation, BOOLEAN Remove);
