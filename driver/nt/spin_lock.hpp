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

}  // namespace aegis::driver
