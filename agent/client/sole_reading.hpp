// While a stream has one reader, that one need not claim what it reads: no other could take it. Two atomic exchanges an
// event are most of what a small event would cost.
//
// The reader says when it is inside a read, by plain stores. Whoever adds a reader takes the right to read alone away
// first. A store and a load on either side, each of what the other one stores: without a full barrier between them both
// could miss the other. The reader, which would pay for its own with every event, has none; who adds a reader makes it
// pass one.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "aegis/ring_layout.h"
#include "agent/client/process_barrier.hpp"

namespace aegis::client {

class SoleReading {
  public:
    // The reader, before each read. False: it is no longer alone, and never will be again. finish() follows either way.
    bool begin() {
        // Relaxed, and in this order: take_away() makes this thread pass a full barrier in place of one here. Either
        // that lies behind the store, and take_away() sees it, or the load lies behind that, and sees what it has
        // stored. The compiler alone is kept from changing the order here.
        inside_.store(true, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        return !taken_away_.load(std::memory_order_relaxed);
    }

    // Release: pairs with the acquire in take_away(), which then sees how far this reader is.
    void finish() { inside_.store(false, std::memory_order_release); }

    // The reader, after a begin() that was false.
    bool is_over() const { return taken_away_.load(std::memory_order_relaxed); }

    // Any other thread, or the reader outside of its reads. Returns when no read of a sole reader runs, or ever will: a
    // read waits for nothing, and its caller's code is not part of it.
    void take_away() {
        const std::scoped_lock lock(mutex_);
        if (over_) {
            return;
        }
        taken_away_.store(true, std::memory_order_relaxed);
        process_barrier();
        while (inside_.load(std::memory_order_acquire)) {
            std::this_thread::yield();
        }
        over_ = true;
    }

  private:
    // A line of the reader's own while nobody adds another one.
    alignas(AEGIS_CACHE_LINE) std::atomic<bool> inside_{false};
    std::atomic<bool> taken_away_{false};
    std::mutex mutex_;  // guards over_
    bool over_ = false;
};

}  // namespace aegis::client
