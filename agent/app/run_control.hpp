// When and why the workers stop reading.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>

#include "aegis/ring/ring_memory.hpp"
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
    static constexpr ring::Ticket kNoLimit = std::numeric_limits<ring::Ticket>::max();
    static constexpr ring::Ticket kAtOnce = 0;

    // `count`: events to print, 0 for no limit. `port` outlives this.
    RunControl(Port& port, std::size_t workers, std::uint64_t count) : port_(&port), count_(count), workers_(workers) {}

    // Asks the workers to stop once they have read everything before ticket `limit`, or when nothing is left to read.
    // Ends every wait. The first cause stays; the limit only sinks.
    void end(EndCause cause, ring::Ticket limit);

    // For whoever finds a wait interrupted: as end(), for the reason that the user or the driver's service had.
    void end_interrupted(const Device& device, ring::Ticket limit);

    EndCause cause() const { return cause_.load(std::memory_order_acquire); }

    // Read up to here. Relaxed: a worker that sees a new limit one event late has done no harm.
    ring::Ticket limit() const { return limit_.load(std::memory_order_relaxed); }
    // Acquire; pairs with the store in end(): who looks at the ring after it sees what was published before that.
    bool ending() const { return limit_.load(std::memory_order_acquire) != kNoLimit; }

    // The driver did not answer the last request for events. Relaxed: read when all workers have left.
    void leave_unread() { unread_.store(true, std::memory_order_relaxed); }
    bool left_unread() const { return unread_.load(std::memory_order_relaxed); }

    // Before a worker reads an event that it will print: false when `count` events are printed or about to be. A
    // worker whose reservation led to no line keeps it for the next event.
    bool reserve_line() { return count_ == 0 || reserved_.fetch_add(1, std::memory_order_relaxed) < count_; }

    // The last thing a worker does. When the last one leaves, every wait ends.
    void leave();

    // True when all workers have left.
    bool wait_until_left(std::chrono::nanoseconds timeout);
    bool all_left();

  private:
    Port* port_;
    const std::uint64_t count_;
    std::atomic<std::uint64_t> reserved_{0};
    std::atomic<ring::Ticket> limit_{kNoLimit};
    std::atomic<EndCause> cause_{EndCause::kNone};
    std::atomic<bool> unread_{false};
    std::mutex mutex_;
    std::condition_variable left_;
    std::size_t workers_;  // still reading; guarded by mutex_
};

}  // namespace aegis::agent
