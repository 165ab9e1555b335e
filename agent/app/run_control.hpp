// When and why the workers stop reading.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>

#include "agent/port/port.hpp"

namespace aegis::agent {

enum class EndCause : std::uint8_t {
    kNone,
    kStopRequested,  // Ctrl-C, SIGTERM
    kDuration,
    kCount,
    kOutput,      // nobody reads stdout, or it cannot be written
    kDriverGone,  // or is to go, or found itself broken: no event will follow
    kFailed,      // said on stderr
};

// Any thread.
class RunControl {
  public:
    static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();
    static constexpr std::uint64_t kAtOnce = 0;

    // `count`: events to print, 0 for no limit. `port` outlives this.
    RunControl(Port& port, std::size_t workers, std::uint64_t count) : port_(&port), count_(count), workers_(workers) {}

    // Asks the workers to stop once they have read everything up to sequence `limit`, or when nothing is left to read.
    // Ends every wait. The first cause stays; the limit only sinks.
    void end(EndCause cause, std::uint64_t limit);

    // For whoever finds a wait interrupted, or the driver gone or going: as end(), for the reason that the user or the
    // driver's service had.
    void end_interrupted(bool driver_is_stopping, std::uint64_t limit);

    EndCause cause() const { return cause_.load(std::memory_order_acquire); }

    // Read up to here. Relaxed: a worker that sees a new limit one event late has done no harm.
    std::uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
    // Acquire; pairs with the store in end(): who looks at the ring after it sees what was published before that.
    bool ending() const { return limit_.load(std::memory_order_acquire) != kNoLimit; }

    // The driver did not answer any more, and may hold events. True for the first who says so. Relaxed: it is looked at
    // when all workers have left.
    bool leave_unread() { return !unread_.exchange(true, std::memory_order_relaxed); }
    bool left_unread() const { return unread_.load(std::memory_order_relaxed); }

    // Before a worker reads events that it will print: how many of `most`; 0 when `count` events are printed or about
    // to be. A worker whose reservation led to no line keeps it for the next event.
    std::uint64_t reserve_lines(std::uint64_t most) {
        if (count_ == 0) {
            return most;
        }
        const std::uint64_t before = std::min(reserved_.fetch_add(most, std::memory_order_relaxed), count_);
        return std::min(most, count_ - before);
    }

    // The last thing a worker does. When the last one leaves, every wait ends.
    void leave();

    // True when all workers have left.
    bool wait_until_left(std::chrono::nanoseconds timeout);
    bool all_left();

  private:
    Port* port_;
    const std::uint64_t count_;
    std::atomic<std::uint64_t> reserved_{0};
    std::atomic<std::uint64_t> limit_{kNoLimit};
    std::atomic<EndCause> cause_{EndCause::kNone};
    std::atomic<bool> unread_{false};
    std::mutex mutex_;
    std::condition_variable left_;
    std::size_t workers_;  // still reading; guarded by mutex_
};

}  // namespace aegis::agent
