#include "driver/host/executive/processes/routine_list.hpp"

#include <fmt/format.h>

#include <algorithm>

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

RoutineList::Added RoutineList::add(PVOID routine, int kind) {
    const std::lock_guard lock(mutex_);
    if (std::any_of(routines_.begin(), routines_.end(),
                    [&](const Routine& entry) { return entry.address == routine; })) {
        return Added::kKnownAlready;
    }
    if (routines_.size() == kMaximumRoutines) {
        return Added::kNoSlotIsFree;
    }
    std::erase(removed_, routine);
    routines_.push_back({routine, kind});
    return Added::kYes;
}

NTSTATUS RoutineList::remove(PVOID routine, const std::function<bool(int kind)>& of_kind) {
    const auto& inside = running_here();
    if (std::find(inside.begin(), inside.end(), routine) != inside.end()) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("{} {} removes itself and waits for itself", what_, routine));
    }
    std::unique_lock lock(mutex_);
    const auto found = std::find_if(routines_.begin(), routines_.end(), [&](const Routine& entry) {
        return entry.address == routine && of_kind(entry.kind) && !entry.removing;
    });
    if (found == routines_.end()) {
        if (std::find(removed_.begin(), removed_.end(), routine) != removed_.end()) {
            verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                          fmt::format("{} {} removed twice", what_, routine));
        }
        return STATUS_PROCEDURE_NOT_FOUND;
    }
    found->removing = true;
    changed_.wait(lock, [&] { return found->running == 0; });
    routines_.erase(found);
    removed_.push_back(routine);
    return STATUS_SUCCESS;
}

void RoutineList::call_all(const std::function<bool(int kind)>& wanted,
                           const std::function<void(PVOID routine, int kind)>& call) {
    std::unique_lock lock(mutex_);
    // Iterators of a list survive what others add and remove; a routine that runs is not erased.
    for (auto routine = routines_.begin(); routine != routines_.end(); ++routine) {
        if (routine->removing || !wanted(routine->kind)) {
            continue;
        }
        ++routine->running;
        lock.unlock();
        running_here().push_back(routine->address);
        call(routine->address, routine->kind);
        running_here().pop_back();
        lock.lock();
        --routine->running;
        changed_.notify_all();
    }
}

std::string RoutineList::describe_leaks() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const Routine& routine : routines_) {
        text += fmt::format("{} {} registered; ", what_, routine.address);
    }
    return text;
}

void RoutineList::forget_removed() {
    const std::lock_guard lock(mutex_);
    removed_.clear();
}

}  // namespace aegis::host
