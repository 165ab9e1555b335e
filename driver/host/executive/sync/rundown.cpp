// Rundown protection: a count of users that can be closed. Bit 0: closed; the rest: users.
#include <ntifs.h>

#include <atomic>

#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/sync/wait_hub.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

constexpr ULONG_PTR kClosed = 1;
constexpr ULONG_PTR kUser = 2;

std::atomic_ref<ULONG_PTR> word(PEX_RUNDOWN_REF reference) {
    return std::atomic_ref<ULONG_PTR>(const_cast<ULONG_PTR&>(reference->Count));
}

}  // namespace
}  // namespace aegis::host

using namespace aegis::host;

extern "C" void NTAPI ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef) {
    word(RunRef).store(0, std::memory_order_relaxed);
}

extern "C" void NTAPI ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef) {
    if (word(RunRef).load(std::memory_order_relaxed) != kClosed) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      "rundown protection reinitialized before it was run down");
    }
    // NT exchanges, which orders what was done before. Release pairs with the acquire of whoever gets it from now on.
    word(RunRef).store(0, std::memory_order_release);
}

extern "C" BOOLEAN NTAPI ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef) {
    require_irql(DISPATCH_LEVEL, "ExAcquireRundownProtection");
    // Acquire, here and below, pairs with the release of whoever opened or closed it.
    ULONG_PTR count = word(RunRef).load(std::memory_order_acquire);
    while ((count & kClosed) == 0) {
        if (word(RunRef).compare_exchange_weak(count, count + kUser, std::memory_order_acquire,
                                               std::memory_order_acquire)) {
            return TRUE;
        }
    }
    return FALSE;
}

extern "C" void NTAPI ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef) {
    require_irql(DISPATCH_LEVEL, "ExReleaseRundownProtection");
    WaitBucket& bucket = wait_bucket(RunRef);
    // Release: what this user did happens before the waiter's acquire load.
    const ULONG_PTR before = word(RunRef).fetch_sub(kUser, std::memory_order_release);
    if (before < kUser) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation, "rundown protection released more than acquired");
    }
    if (before == (kUser | kClosed)) {
        // The empty critical section orders this notification after a waiter's check of the predicate.
        { const std::lock_guard lock(bucket.mutex); }
        bucket.changed.notify_all();
    }
}

extern "C" void NTAPI ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef) {
    require_irql(APC_LEVEL, "ExWaitForRundownProtectionRelease");
    WaitBucket& bucket = wait_bucket(RunRef);
    // Release pairs with the acquire of whoever finds it closed: NT's exchange orders both ways.
    word(RunRef).fetch_or(kClosed, std::memory_order_release);
    std::unique_lock lock(bucket.mutex);
    // Acquire pairs with the release of the last user.
    bucket.changed.wait(lock, [&] { return word(RunRef).load(std::memory_order_acquire) == kClosed; });
}

extern "C" void NTAPI ExRundownCompleted(PEX_RUNDOWN_REF RunRef) {
    word(RunRef).store(kClosed, std::memory_order_relaxed);
}
