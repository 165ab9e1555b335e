// Spin locks: test-and-set with the owner's token as value, yielding because a preempted owner may wait for this
// processor. The queued kind differs in its queue handle only; its fairness is not reproduced.
#include <fmt/format.h>
#include <ntifs.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

constexpr int kSpinsBeforeYield = 64;

void lock(PKSPIN_LOCK spin_lock, const void* queue_handle) {
    ThreadState& thread = this_thread();
    const std::atomic_ref<KSPIN_LOCK> word(*spin_lock);
    for (int spins = 0;; ++spins) {
        KSPIN_LOCK owner = 0;
        // Acquire pairs with the release in unlock().
        if (word.compare_exchange_weak(owner, thread.token(), std::memory_order_acquire, std::memory_order_relaxed)) {
            break;
        }
        if (owner == thread.token()) {
            verifier_stop(Bugcheck::kSpinLockAlreadyOwned,
                          fmt::format("the thread acquires spin lock {} again", fmt::ptr(spin_lock)));
        }
        if (spins >= kSpinsBeforeYield) {
            sched_yield();
        }
    }
    thread.locks.push_back({HeldLock::Kind::kSpinLock, spin_lock, queue_handle});
}

void note_signals(unsigned signals) {
    std::atomic<unsigned>& most = executive_parts().most_signals;
    unsigned before = most.load(std::memory_order_relaxed);
    while (signals > before && !most.compare_exchange_weak(before, signals, std::memory_order_relaxed)) {
    }
}

void unlock(PKSPIN_LOCK spin_lock, const void* queue_handle) {
    ThreadState& thread = this_thread();
    const std::atomic_ref<KSPIN_LOCK> word(*spin_lock);
    if (word.load(std::memory_order_relaxed) != thread.token()) {
        verifier_stop(Bugcheck::kSpinLockNotOwned,
                      fmt::format("the thread releases spin lock {}, which it does not hold", fmt::ptr(spin_lock)));
    }
    const auto held = std::find_if(thread.locks.begin(), thread.locks.end(),
                                   [&](const HeldLock& entry) { return entry.lock == spin_lock; });
    if (held == thread.locks.end() || held->queue_handle != queue_handle) {
        verifier_stop(Bugcheck::kSpinLockNotOwned,
                      fmt::format("spin lock {} is released through another handle than it was acquired with",
                                  fmt::ptr(spin_lock)));
    }
    note_signals(held->signals);
    thread.locks.erase(held);
    // Release pairs with the acquire in lock().
    word.store(0, std::memory_order_release);
}

KIRQL raise_to_dispatch(const char* function) {
    require_irql(DISPATCH_LEVEL, function);
    return change_irql(DISPATCH_LEVEL);
}

void require_dispatch(const char* function) {
    if (this_thread().irql != DISPATCH_LEVEL) {
        verifier_stop(Bugcheck::kIrqlNotLessOrEqual,
                      fmt::format("{} called at IRQL {}, not at DISPATCH_LEVEL", function, this_thread().irql));
    }
}

void lower_from_dispatch(KIRQL irql) {
    const ThreadState& thread = this_thread();
    const bool spinning = std::any_of(thread.locks.begin(), thread.locks.end(),
                                      [](const HeldLock& entry) { return entry.kind == HeldLock::Kind::kSpinLock; });
    if (irql < DISPATCH_LEVEL && spinning) {
        verifier_stop(Bugcheck::kIrqlNotLessOrEqual,
                      fmt::format("releasing a spin lock lowers the IRQL to {} while another is held", irql));
    }
    change_irql(irql);
}

}  // namespace
}  // namespace aegis::host

using namespace aegis::host;

extern "C" void NTAPI KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle) {
    LockHandle->OldIrql = raise_to_dispatch("KeAcquireInStackQueuedSpinLock");
    LockHandle->LockQueue.Next = nullptr;
    LockHandle->LockQueue.Lock = SpinLock;
    lock(SpinLock, LockHandle);
}

extern "C" void NTAPI KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle) {
    require_dispatch("KeReleaseInStackQueuedSpinLock");
    unlock(LockHandle->LockQueue.Lock, LockHandle);
    lower_from_dispatch(LockHandle->OldIrql);
}

extern "C" void NTAPI KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle) {
    require_dispatch("KeAcquireInStackQueuedSpinLockAtDpcLevel");
    LockHandle->OldIrql = DISPATCH_LEVEL;
    LockHandle->LockQueue.Next = nullptr;
    LockHandle->LockQueue.Lock = SpinLock;
    lock(SpinLock, LockHandle);
}

extern "C" void NTAPI KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE LockHandle) {
    require_dispatch("KeReleaseInStackQueuedSpinLockFromDpcLevel");
    unlock(LockHandle->LockQueue.Lock, LockHandle);
}

extern "C" KIRQL NTAPI KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock) {
    const KIRQL old = raise_to_dispatch("KeAcquireSpinLockRaiseToDpc");
    lock(SpinLock, nullptr);
    return old;
}

extern "C" void NTAPI KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql) {
    require_dispatch("KeReleaseSpinLock");
    unlock(SpinLock, nullptr);
    lower_from_dispatch(NewIrql);
}
