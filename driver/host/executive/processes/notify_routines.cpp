#include "driver/host/executive/processes/notify_routines.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

// As many as NT has slots for.
constexpr std::size_t kMaximumRoutines = 64;

// The routines that this thread is inside of, innermost last.
std::vector<PVOID>& running_here() {
    thread_local std::vector<PVOID> running;
    return running;
}

}  // namespace

NTSTATUS NotifyRoutines::add(PVOID routine, NotifyKind kind) {
    const std::lock_guard lock(mutex_);
    const bool known =
        std::any_of(routines_.begin(), routines_.end(), [&](const Routine& entry) { return entry.address == routine; });
    if (known || routines_.size() == kMaximumRoutines) {
        return STATUS_INVALID_PARAMETER;
    }
    std::erase(removed_, routine);
    routines_.push_back({routine, kind});
    return STATUS_SUCCESS;
}

NTSTATUS NotifyRoutines::remove(PVOID routine, NotifyKind kind) {
    const auto& inside = running_here();
    if (std::find(inside.begin(), inside.end(), routine) != inside.end()) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      "a process notify routine removes itself and waits for itself");
    }
    std::unique_lock lock(mutex_);
    const auto found = std::find_if(routines_.begin(), routines_.end(), [&](const Routine& entry) {
        return entry.address == routine && entry.kind == kind && !entry.removing;
    });
    if (found == routines_.end()) {
        if (std::find(removed_.begin(), removed_.end(), routine) != removed_.end()) {
            verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                          fmt::format("process notify routine {} removed twice", routine));
        }
        return STATUS_PROCEDURE_NOT_FOUND;
    }
    found->removing = true;
    changed_.wait(lock, [&] { return found->running == 0; });
    routines_.erase(found);
    removed_.push_back(routine);
    return STATUS_SUCCESS;
}

void NotifyRoutines::call_all(bool of_subsystem, const ExtendedCall& extended, const LegacyCall& legacy) {
    std::unique_lock lock(mutex_);
    // Iterators of a list survive what others add and remove; a routine that runs is not erased.
    for (auto routine = routines_.begin(); routine != routines_.end(); ++routine) {
        if (routine->removing || (of_subsystem && routine->kind != NotifyKind::kSubsystems)) {
            continue;
        }
        ++routine->running;
        lock.unlock();
        running_here().push_back(routine->address);
        if (routine->kind != NotifyKind::kPlain) {
            extended(reinterpret_cast<PCREATE_PROCESS_NOTIFY_ROUTINE_EX>(routine->address));
        } else {
            legacy(reinterpret_cast<PCREATE_PROCESS_NOTIFY_ROUTINE>(routine->address));
        }
        running_here().pop_back();
        lock.lock();
        --routine->running;
        changed_.notify_all();
    }
}

std::string NotifyRoutines::describe_leaks() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const Routine& routine : routines_) {
        text += fmt::format("process notify routine {} registered; ", routine.address);
    }
    return text;
}

void NotifyRoutines::forget_removed() {
    const std::lock_guard lock(mutex_);
    removed_.clear();
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
