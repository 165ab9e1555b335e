#include "driver/host/executive/io/driver_call.hpp"

#include <fmt/format.h>

#include <atomic>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

// Release by the thread that maps the first image, acquired by the threads that run an image's code.
std::atomic<ImageRunner> image_runner = nullptr;
std::atomic<ImageCodeTest> image_code_test = nullptr;

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

void set_image_runner(ImageRunner runner, ImageCodeTest is_code) {
    image_code_test.store(is_code, std::memory_order_release);
    image_runner.store(runner, std::memory_order_release);
}

bool is_image_code(const void* address) {
    const ImageCodeTest is_code = image_code_test.load(std::memory_order_acquire);
    return is_code != nullptr && is_code(address);
}

std::optional<std::uint64_t> DriverCall::run_image(const void* routine, const DriverArguments& arguments) const {
    const ImageRunner runner = image_runner.load(std::memory_order_acquire);
    return runner != nullptr ? runner(routine, what_, arguments) : std::nullopt;
}

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
