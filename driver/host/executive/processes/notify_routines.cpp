#include "driver/host/executive/processes/notify_routines.hpp"

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"

namespace aegis::host {

NTSTATUS NotifyRoutines::add(PVOID routine, NotifyKind kind) {
    return list_.add(routine, static_cast<int>(kind)) == RoutineList::Added::kYes ? STATUS_SUCCESS
                                                                                  : STATUS_INVALID_PARAMETER;
}

NTSTATUS NotifyRoutines::remove(PVOID routine, NotifyKind kind) {
    return list_.remove(routine, [kind](int registered) { return registered == static_cast<int>(kind); });
}

void NotifyRoutines::call_all(bool of_subsystem, const ExtendedCall& extended, const LegacyCall& legacy) {
    list_.call_all(
        [of_subsystem](int kind) { return !of_subsystem || kind == static_cast<int>(NotifyKind::kSubsystems); },
        [&](PVOID routine, int kind) {
            if (kind != static_cast<int>(NotifyKind::kPlain)) {
                extended(reinterpret_cast<PCREATE_PROCESS_NOTIFY_ROUTINE_EX>(routine));
            } else {
                legacy(reinterpret_cast<PCREATE_PROCESS_NOTIFY_ROUTINE>(routine));
            }
        });
}

namespace {

NTSTATUS set_routine(PVOID routine, NotifyKind kind, BOOLEAN remove, const char* function) {
    require_irql(PASSIVE_LEVEL, function);
    ExecutiveParts& parts = executive_parts();
    if (remove != FALSE) {
        return parts.notify.remove(routine, kind);
    }
    return parts.faults.should_fail(function) ? STATUS_INVALID_PARAMETER : parts.notify.add(routine, kind);
}

}  // namespace
}  // namespace aegis::host

extern "C" NTSTATUS NTAPI PsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE NotifyRoutine,
                                                          BOOLEAN Remove) {
    return aegis::host::set_routine(reinterpret_cast<PVOID>(NotifyRoutine), aegis::host::NotifyKind::kPlain, Remove,
                                    "PsSetCreateProcessNotifyRoutine");
}

extern "C" NTSTATUS NTAPI PsSetCreateProcessNotifyRoutineEx(PCREATE_PROCESS_NOTIFY_ROUTINE_EX NotifyRoutine,
                                                            BOOLEAN Remove) {
    return aegis::host::set_routine(reinterpret_cast<PVOID>(NotifyRoutine), aegis::host::NotifyKind::kExtended, Remove,
                                    "PsSetCreateProcessNotifyRoutineEx");
}

extern "C" NTSTATUS NTAPI PsSetCreateProcessNotifyRoutineEx2(ULONG NotifyType, PVOID NotifyInformation,
                                                             BOOLEAN Remove) {
    aegis::host::require_irql(PASSIVE_LEVEL, "PsSetCreateProcessNotifyRoutineEx2");
    if (NotifyType != PsCreateProcessNotifySubsystems) {
        return STATUS_INVALID_PARAMETER;
    }
    return aegis::host::set_routine(NotifyInformation, aegis::host::NotifyKind::kSubsystems, Remove,
                                    "PsSetCreateProcessNotifyRoutineEx2");
}
