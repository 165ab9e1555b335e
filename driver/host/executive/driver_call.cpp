#include "driver/host/executive/driver_call.hpp"

#include <fmt/format.h>

#include "driver/host/executive/verifier.hpp"

namespace aegis::host {

DriverCall::DriverCall(std::string_view what)
    : what_(what),
      irql_(this_thread().irql),
      locks_(this_thread().locks.size()),
      attachments_(this_thread().attachments.size()),
      critical_regions_(this_thread().critical_regions) {
    ++this_thread().driver_calls;
}

DriverCall::~DriverCall() {
    ThreadState& thread = this_thread();
    --thread.driver_calls;
    if (thread.locks.size() != locks_) {
        const bool spin_lock = !thread.locks.empty() && thread.locks.back().kind == HeldLock::Kind::kSpinLock;
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("{} returned with a {} held", what_, spin_lock ? "spin lock" : "fast mutex"));
    }
    if (thread.irql != irql_) {
        verifier_stop(Bugcheck::kIrqlNotLessOrEqual,
                      fmt::format("{} was called at IRQL {} and returned at {}", what_, irql_, thread.irql));
    }
    if (thread.attachments.size() != attachments_) {
        verifier_stop(Bugcheck::kInvalidProcessAttachAttempt,
                      fmt::format("{} returned attached to another process", what_));
    }
    if (thread.critical_regions != critical_regions_) {
        verifier_stop(Bugcheck::kApcIndexMismatch, fmt::format("{} returned with {} critical regions, called with {}",
                                                               what_, thread.critical_regions, critical_regions_));
    }
}

}  // namespace aegis::host
