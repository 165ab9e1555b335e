// What the agent counts while it reads. Each worker writes its own; anyone may read them for a report.
#pragma once

#include <atomic>
#include <cstdint>

#include "aegis/ring_layout.h"

namespace aegis::agent {

struct Totals {
    std::uint64_t delivered = 0;  // events whose whole line stdout took
    std::uint64_t joined = 0;     // events that became a part of such a line
    std::uint64_t lost = 0;       // events that never came to be read, whoever lost them (loss.hpp)
    std::uint64_t unwritten = 0;  // events read whose line stdout did not take
    std::uint64_t malformed = 0;  // events read that could not be decoded
    std::uint64_t wakeups = 0;    // times a sleeping worker woke up to read
    std::uint64_t max_lag = 0;    // most events seen waiting
};

// One writer. Relaxed throughout: each value stands for itself, and the last look at them follows a join.
class Counters {
  public:
    void add_delivered(std::uint64_t count) { add(delivered_, count); }
    void add_joined(std::uint64_t count) { add(joined_, count); }
    void add_lost(std::uint64_t count) { add(lost_, count); }
    void add_unwritten(std::uint64_t count) { add(unwritten_, count); }
    void add_malformed() { add(malformed_, 1); }

    void add_to(Totals& totals) const {
        totals.delivered += delivered_.load(std::memory_order_relaxed);
        totals.joined += joined_.load(std::memory_order_relaxed);
        totals.lost += lost_.load(std::memory_order_relaxed);
        totals.unwritten += unwritten_.load(std::memory_order_relaxed);
        totals.malformed += malformed_.load(std::memory_order_relaxed);
    }

  private:
    using Counter = std::atomic<std::uint64_t>;

    // Single writer: no read-modify-write is needed.
    static void add(Counter& counter, std::uint64_t count) {
        counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    }

    alignas(AEGIS_CACHE_LINE) Counter delivered_{0};
    Counter joined_{0};
    Counter lost_{0};
    Counter unwritten_{0};
    Counter malformed_{0};
};

}  // namespace aegis::agent
