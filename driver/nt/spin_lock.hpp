// A spin lock for one scope.
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

// The IRQL of the caller. What acquiring a spin lock of its own says, because the headers make KeGetCurrentIrql an
// inline read of a control register, which an image cannot do where it does not run in ring 0. IRQL <= DISPATCH_LEVEL.
inline KIRQL current_irql() {
    KSPIN_LOCK own;
    KeInitializeSpinLock(&own);
    const KIRQL irql = KeAcquireSpinLockRaiseToDpc(&own);
    KeReleaseSpinLock(&own, irql);
    return irql;
}

}  // namespace aegis::driver
