// Locks that could make many callbacks one producer, to see what each costs under contention. The driver uses NT's
// in-stack queued lock, whose hand-over QueuedLock has; the hosted executive stands a test-and-set lock in for it.
#pragma once

#include <atomic>

#include "aegis/ring/atomics.hpp"
#include "aegis/ring_layout.h"

namespace aegis::bench {

// First come, first served, each waiter on a line of its own (Mellor-Crummey and Scott).
class QueuedLock {
  public:
    void lock() {
        Entry& own = entry();
        own.next.store(nullptr, std::memory_order_relaxed);
        own.waiting.store(true, std::memory_order_relaxed);
        // Release publishes the entry to the next in line, acquire sees what the last owner wrote.
        Entry* before = tail_.exchange(&own, std::memory_order_acq_rel);
        if (before == nullptr) {
            return;
        }
        before->next.store(&own, std::memory_order_release);   // pairs with the acquire loads in unlock
        while (own.waiting.load(std::memory_order_acquire)) {  // pairs with the release store in unlock
            ring::StdAtomics::pause();
        }
    }

    void unlock() {
        Entry& own = entry();
        Entry* next = own.next.load(std::memory_order_acquire);
        if (next == nullptr) {
            Entry* expected = &own;
            if (tail_.compare_exchange_strong(expected, nullptr, std::memory_order_acq_rel,
                                              std::memory_order_relaxed)) {
                return;
            }
            while ((next = own.next.load(std::memory_order_acquire)) == nullptr) {
                ring::StdAtomics::pause();
            }
        }
        next->waiting.store(false, std::memory_order_release);
    }

  private:
    struct alignas(AEGIS_CACHE_LINE) Entry {
        std::atomic<Entry*> next = nullptr;
        std::atomic<bool> waiting = false;
    };

    static Entry& entry() {
        thread_local Entry own;
        return own;
    }

    std::atomic<Entry*> tail_ = nullptr;
};

// A waiter stays away from the lock for a while before it looks again, so that the owner publishes many events
// between two changes of hands. Unfair by design.
class BackingOffLock {
  public:
    void lock() {
        while (held_.exchange(true, std::memory_order_acquire)) {  // pairs with the release in unlock
            do {
                for (int i = 0; i < kPauses; ++i) {
                    ring::StdAtomics::pause();
                }
            } while (held_.load(std::memory_order_relaxed));
        }
    }
    void unlock() { held_.store(false, std::memory_order_release); }

  private:
    static constexpr int kPauses = 256;

    std::atomic<bool> held_ = false;
};

}  // namespace aegis::bench
