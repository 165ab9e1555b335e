// Spin locks and DISPATCH_LEVEL for one scope.
#pragma once

#include "nt/nt.hpp"

namespace aegis::driver {

// An in-stack queued spinlock: processors get it in the order they asked, each spinning on its own stack. Raises to
// DISPATCH_LEVEL and back.
class QueuedSpinLockScope {
  public:
    // IRQL <= DISPATCH_LEVEL.
    explicit QueuedSpinLockScope(KSPIN_LOCK& lock) { KeAcquireInStackQueuedSpinLock(&lock, &queue_entry_); }
    ~QueuedSpinLockScope() { KeReleaseInStackQueuedSpinLock(&queue_entry_); }

    QueuedSpinLockScope(const QueuedSpinLockScope&) = delete;
    QueuedSpinLockScope& operator=(const QueuedSpinLockScope&) = delete;

  private:
    KLOCK_QUEUE_HANDLE queue_entry_;
};

// DISPATCH_LEVEL and back, with no lock that anybody else may want: nothing preempts the scope. A spin lock of its own
// raises the IRQL, because the headers make KeRaiseIrql an inline write to a control register, which an image cannot do
// where it does not run in ring 0.
class DispatchLevelScope {
  public:
    // IRQL <= DISPATCH_LEVEL.
    DispatchLevelScope() {
        KeInitializeSpinLock(&own_);
        old_irql_ = KeAcquireSpinLockRaiseToDpc(&own_);
    }
    ~DispatchLevelScope() { KeReleaseSpinLock(&own_, old_irql_); }

    DispatchLevelScope(const DispatchLevelScope&) = delete;
    DispatchLevelScope& operator=(const DispatchLevelScope&) = delete;

  private:
    KSPIN_LOCK own_;
    KIRQL old_irql_;
};

}  // namespace aegis::driver
