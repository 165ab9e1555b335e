#include "driver/host/executive/processes/image_routines.hpp"

#include <fmt/format.h>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

NTSTATUS add_routine(PLOAD_IMAGE_NOTIFY_ROUTINE routine, ImageNotifyKind kind, const char* function) {
    require_irql(PASSIVE_LEVEL, function);
    ExecutiveParts& parts = executive_parts();
    if (parts.faults.should_fail(function)) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    const auto address = reinterpret_cast<PVOID>(routine);
    switch (parts.image_notify.add(address, static_cast<int>(kind))) {
        case RoutineList::Added::kYes:
            return STATUS_SUCCESS;
        case RoutineList::Added::kNoSlotIsFree:
            return STATUS_INSUFFICIENT_RESOURCES;
        case RoutineList::Added::kKnownAlready:
            break;
    }
    // NT takes it, and tells everything twice.
    verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                  fmt::format("image notify routine {} registered twice", address));
}

}  // namespace
}  // namespace aegis::host

extern "C" NTSTATUS NTAPI PsSetLoadImageNotifyRoutine(PLOAD_IMAGE_NOTIFY_ROUTINE NotifyRoutine) {
    return aegis::host::add_routine(NotifyRoutine, aegis::host::ImageNotifyKind::kPlain, "PsSetLoadImageNotifyRoutine");
}

extern "C" NTSTATUS NTAPI PsSetLoadImageNotifyRoutineEx(PLOAD_IMAGE_NOTIFY_ROUTINE NotifyRoutine, ULONG_PTR Flags) {
    if ((Flags & ~PS_IMAGE_NOTIFY_CONFLICTING_ARCHITECTURE) != 0) {
        return STATUS_INVALID_PARAMETER_2;
    }
    return aegis::host::add_routine(
        NotifyRoutine,
        Flags != 0 ? aegis::host::ImageNotifyKind::kEveryArchitecture : aegis::host::ImageNotifyKind::kPlain,
        "PsSetLoadImageNotifyRoutineEx");
}

extern "C" NTSTATUS NTAPI PsRemoveLoadImageNotifyRoutine(PLOAD_IMAGE_NOTIFY_ROUTINE NotifyRoutine) {
    aegis::host::require_irql(PASSIVE_LEVEL, "PsRemoveLoadImageNotifyRoutine");
    return aegis::host::executive_parts().image_notify.remove(reinterpret_cast<PVOID>(NotifyRoutine),
                                                              [](int) { return true; });
}
