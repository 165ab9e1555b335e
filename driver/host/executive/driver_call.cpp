#include "driver/host/executive/driver_call.hpp"

#include <fmt/format.h>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/verifier.hpp"

namespace aegis::host {
namespace {

// More than the driver's deepest call uses.
constexpr std::size_t kPoisonedStackBytes = 8192;

// Leaves its frame behind as the stack that the next call of its caller finds. Not inlined: it would be the caller's
// own frame. Volatile: nobody reads it.
[[gnu::noinline]] void poison_stack(unsigned char value) {
    volatile unsigned char frame[kPoisonedStackBytes];
    for (volatile unsigned char& byte : frame) {
        byte = value;
    }
}

}  // namespace

DriverCall::DriverCall(std::string_view what)
    : what_(what),
      irql_(this_thread().irql),
      locks_(this_thread().locks.size()),
      attachments_(this_thread().attachments.size()),
      critical_regions_(this_thread().critical_regions) {
    ++this_thread().driver_calls;
    if (const std::optional<unsigned char> value = executive_parts().poison.stack) {
        poison_stack(*value);
    }
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
