// Keeps callbacks that meet at the publish lock from handing it to and fro.
//
// Each change of hands moves the lock, the producer's state and the cells' lines between two processors, which costs
// several times what a publish does. So whoever finds somebody publishing stays away for a while, and the other one
// publishes all it has; who waited long enough joins the lock's queue, where it is first come, first served.
#pragma once

#include <atomic>

#include "aegis/ring/atomics.hpp"
#include "aegis/ring_layout.h"

namespace aegis::driver {

class PublishGate {
  public:
    // Before the lock is acquired, at the caller's own IRQL: returns when nobody is inside, or after a bounded wait,
    // some ten microseconds. `who` differs between callers that may meet: the address of a local variable. Any IRQL.
    void enter(const void* who) {
        for (int look = 0; look < kMostLooks && inside_.load(std::memory_order_relaxed) != nullptr; ++look) {
            for (int i = 0; i < kPausesBetweenLooks; ++i) {
                ring::StdAtomics::pause();
            }
        }
        // Also in place of another one, which may have been preempted inside: only the first that meets it waits.
        inside_.store(who, std::memory_order_relaxed);
    }

    // After the lock is released, with the `who` of enter(). Any IRQL.
    void leave(const void* who) {
        // Somebody else has taken this one's place, and is still inside.
        if (inside_.load(std::memory_order_relaxed) == who) {
            inside_.store(nullptr, std::memory_order_relaxed);
        }
    }

  private:
    static constexpr int kMostLooks = 8;
    static constexpr int kPausesBetweenLooks = 128;

    // Relaxed, and no exchange, which each publish would pay for: the lock alone orders anything, and two that get in
    // at once meet at the lock, once. On a line of its own, so that looking does not disturb what the owner works with.
    alignas(AEGIS_CACHE_LINE) std::atomic<const void*> inside_ = nullptr;
};

}  // namespace aegis::driver
