// Ringing a consumer's bell: taken down under the publish lock, signalled after it.
//
// KeSetEvent takes as long as the event has waiters, and how many those are is up to the consumer. Under the publish
// lock every callback of the machine would wait for it; so what happens there is an exchange in shared memory and a
// place in a list. Whoever took the bell down signals it, and nothing comes in between: its IRQL stays at
// DISPATCH_LEVEL, because no other producer rings a bell that was taken down.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "aegis/ioctl.h"
#include "nt/nt.hpp"

namespace aegis::driver {

// Whom a doorbell wakes.
class WakeTarget {
  public:
    // Before its bell is registered. The caller's reference to `event` lasts until after drain().
    // IRQL <= DISPATCH_LEVEL.
    void initialize(PKEVENT event) {
        event_ = event;
        ExInitializeRundownProtection(&signals_);
    }

    // After its bell is removed: waits for signals that are still to come or under way. Once. IRQL <= APC_LEVEL.
    void drain() { ExWaitForRundownProtectionRelease(&signals_); }

    PKEVENT event() const { return event_; }

    // Bells that were taken down, each of which is one signal. Any IRQL.
    std::uint64_t wakeups() const { return wakeups_.load(std::memory_order_relaxed); }

  private:
    friend class DueBells;

    PKEVENT event_ = nullptr;
    EX_RUNDOWN_REF signals_{};                // held by each producer between lock and signal
    std::atomic<std::uint64_t> wakeups_ = 0;  // relaxed: written under the publish lock, read for reports
};

// The bells that one hold of the publish lock took down. Outlives the lock's scope; its end rings them.
class DueBells {
  public:
    DueBells() = default;

    // Signals, in the order in which the bells were taken down; then lowers the IRQL to what it was before the lock.
    // Not under the publish lock.
    ~DueBells() {
        if (count_ == 0) {
            return;
        }
        for (std::size_t i = 0; i < count_; ++i) {
            KeSetEvent(targets_[i]->event_, EVENT_INCREMENT, FALSE);
            // From here on the target may be gone.
            ExReleaseRundownProtection(&targets_[i]->signals_);
        }
        KeReleaseSpinLock(&own_, before_);
    }

    DueBells(const DueBells&) = delete;
    DueBells& operator=(const DueBells&) = delete;

    // Once for each bell at most. Caller holds the publish lock. IRQL DISPATCH_LEVEL.
    void add(WakeTarget* target) {
        // Not refused: the bell is registered, so nobody drains its target yet.
        ExAcquireRundownProtection(&target->signals_);
        target->wakeups_.fetch_add(1, std::memory_order_relaxed);
        targets_[count_++] = target;
    }

  private:
    friend class PublishLockScope;

    // Keeps the IRQL at DISPATCH_LEVEL until the bells are rung, which lowers it to `before`. Caller holds the publish
    // lock and releases it without lowering the IRQL. By a spin lock that nobody else may want, because the headers
    // make KeLowerIrql an inline write to a control register, which an image cannot do where it does not run in ring 0.
    void stay_at_dispatch_level(KIRQL before) {
        KeAcquireSpinLockRaiseToDpc(&own_);
        before_ = before;
    }

    std::size_t count_ = 0;
    WakeTarget* targets_[AEGIS_MAX_CONSUMERS];
    KSPIN_LOCK own_ = 0;
    KIRQL before_ = PASSIVE_LEVEL;
};

// One hold of the publish lock, an in-stack queued spinlock: processors get it in the order they asked, each spinning
// on its own stack. Raises to DISPATCH_LEVEL, and back where no bell is due; where one is, the IRQL stays until it is
// rung. A publish without bells, most of them, pays for no more than the lock.
class PublishLockScope {
  public:
    // IRQL <= DISPATCH_LEVEL.
    PublishLockScope(KSPIN_LOCK& lock, DueBells& due) : due_(&due) {
        KeAcquireInStackQueuedSpinLock(&lock, &queue_entry_);
    }
    ~PublishLockScope() {
        if (due_->count_ == 0) {
            KeReleaseInStackQueuedSpinLock(&queue_entry_);
            return;
        }
        due_->stay_at_dispatch_level(queue_entry_.OldIrql);
        KeReleaseInStackQueuedSpinLockFromDpcLevel(&queue_entry_);
    }

    PublishLockScope(const PublishLockScope&) = delete;
    PublishLockScope& operator=(const PublishLockScope&) = delete;

  private:
    DueBells* due_;
    KLOCK_QUEUE_HANDLE queue_entry_;
};

}  // namespace aegis::driver
