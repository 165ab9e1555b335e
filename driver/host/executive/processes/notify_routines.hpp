// Process notify routines: registration, calls from many threads, removal that waits.
#pragma once

#include <ntifs.h>

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <vector>

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
    // Returns when no call of the routine is running. Stops when the routine was removed before, or runs in this
    // thread. STATUS_PROCEDURE_NOT_FOUND when it was never registered, or as another kind.
    NTSTATUS remove(PVOID routine, NotifyKind kind);

    using ExtendedCall = std::function<void(PCREATE_PROCESS_NOTIFY_ROUTINE_EX)>;
    using LegacyCall = std::function<void(PCREATE_PROCESS_NOTIFY_ROUTINE)>;
    // Calls every routine registered now, in the order of registration, the way its kind wants it; about a process of
    // another subsystem those that asked for it.
    void call_all(bool of_subsystem, const ExtendedCall& extended, const LegacyCall& legacy);

    // One line for each routine that is still registered.
    std::string describe_leaks() const;
    // The next driver may register what the last one removed.
    void forget_removed();

  private:
    struct Routine {
        PVOID address;
        NotifyKind kind;
        bool removing = false;
        unsigned running = 0;
    };

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::list<Routine> routines_;
    std::vector<PVOID> removed_;
};

}  // namespace aegis::host

// In PsSetCreateProcessNotifyRoutineEx2: the one type.
inline constexpr ULONG PsCreateProcessNotifySubsystems = 0;

// PASSIVE_LEVEL. Not in ntifs.h, because mingw's import library lacks it: drivers look it up by name.
extern "C" NTSTATUS NTAPI PsSetCreateProcessNotifyRoutineEx2(ULONG NotifyType, PVOID NotifyInformation, BOOLEAN Remove);
