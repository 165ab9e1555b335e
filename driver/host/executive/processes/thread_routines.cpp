#include "driver/host/executive/processes/thread_routines.hpp"

#include <fmt/format.h>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {

bool is_told(ThreadNotifyKind kind, bool on_new_thread, bool of_system, bool of_subsystem) {
    const bool wants_new_thread = kind == ThreadNotifyKind::kNonSystem;
    return wants_new_thread == on_new_thread && !(wants_new_thread && of_system) &&
           !(of_subsystem && kind != ThreadNotifyKind::kSubsystems);
}

namespace {

NTSTATUS add_routine(PVOID routine, ThreadNotifyKind kind, const char* function) {
    ExecutiveParts& parts = executive_parts();
    if (parts.faults.should_fail(function)) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    switch (parts.thread_notify.add(routine, static_cast<int>(kind))) {
        case RoutineList::Added::kYes:
            return STATUS_SUCCESS;
        case RoutineList::Added::kNoSlotIsFree:
            return STATUS_INSUFFICIENT_RESOURCES;
        case RoutineList::Added::kKnownAlready:
            break;
    }
    // NT takes it, and tells everything twice.
    verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                  fmt::format("thread notify routine {} registered twice", routine));
}

}  // namespace
}  // namespace aegis::host

extern "C" NTSTATUS NTAPI PsSetCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE NotifyRoutine) {
    aegis::host::require_irql(PASSIVE_LEVEL, "PsSetCreateThreadNotifyRoutine");
    return aegis::host::add_routine(reinterpret_cast<PVOID>(NotifyRoutine), aegis::host::ThreadNotifyKind::kPlain,
                                    "PsSetCreateThreadNotifyRoutine");
}

extern "C" NTSTATUS NTAPI PsSetCreateThreadNotifyRoutineEx(ULONG NotifyType, PVOID NotifyInformation) {
    aegis::host::require_irql(PASSIVE_LEVEL, "PsSetCreateThreadNotifyRoutineEx");
    if (NotifyType > PsCreateThreadNotifySubsystems) {
        return STATUS_INVALID_PARAMETER;
    }
    return aegis::host::add_routine(NotifyInformation,
                                    NotifyType == PsCreateThreadNotifySubsystems
                                        ? aegis::host::ThreadNotifyKind::kSubsystems
                                        : aegis::host::ThreadNotifyKind::kNonSystem,
                                    "PsSetCreateThreadNotifyRoutineEx");
}

extern "C" NTSTATUS NTAPI PsRemoveCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE NotifyRoutine) {
    aegis::host::require_irql(PASSIVE_LEVEL, "PsRemoveCreateThreadNotifyRoutine");
    return aegis::host::executive_parts().thread_notify.remove(reinterpret_cast<PVOID>(NotifyRoutine),
                                                               [](int) { return true; });
}
