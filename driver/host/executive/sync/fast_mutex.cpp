#include <fmt/format.h>
#include <ntifs.h>

#include <algorithm>

#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/sync/wait_hub.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

// ExInitializeFastMutex leaves an event of this size inside; memory that was never initialized hardly does.
void require_initialized(const FAST_MUTEX* mutex) {
    if (mutex->Event.Header.Size != sizeof(KEVENT) / sizeof(ULONG)) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("fast mutex {} was not initialized", fmt::ptr(mutex)));
    }
}

PKTHREAD owner_token() {
    return reinterpret_cast<PKTHREAD>(this_thread().thread_object());
}

// The bucket's mutex guards the fields; it is held by the caller.
void take(PFAST_MUTEX mutex) {
    ThreadState& thread = this_thread();
    mutex->Count = 0;
    mutex->Owner = owner_token();
    mutex->OldIrql = thread.irql;
    thread.irql = APC_LEVEL;
    thread.locks.push_back({HeldLock::Kind::kFastMutex, mutex, nullptr});
}

void forbid_recursion(const FAST_MUTEX* mutex) {
    if (mutex->Count != FM_LOCK_BIT && mutex->Owner == owner_token()) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("the thread acquires fast mutex {} again and deadlocks", fmt::ptr(mutex)));
    }
}

}  // namespace
}  // namespace aegis::host

using namespace aegis::host;

extern "C" void NTAPI ExAcquireFastMutex(PFAST_MUTEX FastMutex) {
    require_irql(APC_LEVEL, "ExAcquireFastMutex");
    WaitBucket& bucket = wait_bucket(FastMutex);
    std::unique_lock lock(bucket.mutex);
    require_initialized(FastMutex);
    forbid_recursion(FastMutex);
    if (FastMutex->Count != FM_LOCK_BIT) {
        ++FastMutex->Contention;
        bucket.changed.wait(lock, [&] { return FastMutex->Count == FM_LOCK_BIT; });
    }
    take(FastMutex);
}

extern "C" BOOLEAN NTAPI ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex) {
    require_irql(APC_LEVEL, "ExTryToAcquireFastMutex");
    const std::lock_guard lock(wait_bucket(FastMutex).mutex);
    require_initialized(FastMutex);
    if (FastMutex->Count != FM_LOCK_BIT) {
        return FALSE;
    }
    take(FastMutex);
    return TRUE;
}

extern "C" void NTAPI ExReleaseFastMutex(PFAST_MUTEX FastMutex) {
    ThreadState& thread = this_thread();
    require_irql(APC_LEVEL, "ExReleaseFastMutex");
    WaitBucket& bucket = wait_bucket(FastMutex);
    {
        const std::lock_guard lock(bucket.mutex);
        const auto held = std::find_if(thread.locks.begin(), thread.locks.end(),
                                       [&](const HeldLock& entry) { return entry.lock == FastMutex; });
        if (held == thread.locks.end()) {
            verifier_stop(
                Bugcheck::kDriverVerifierDetectedViolation,
                fmt::format("the thread releases fast mutex {}, which it does not hold", fmt::ptr(FastMutex)));
        }
        thread.locks.erase(held);
        thread.irql = static_cast<KIRQL>(FastMutex->OldIrql);
        FastMutex->Owner = nullptr;
        FastMutex->Count = FM_LOCK_BIT;
    }
    bucket.changed.notify_all();
}
