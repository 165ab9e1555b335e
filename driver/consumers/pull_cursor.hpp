// The pull transport: one handle's own place in the ring, read out through a buffered IOCTL.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "aegis/ioctl.h"
#include "aegis/ring/consumer.hpp"
#include "nt/fast_mutex.hpp"

namespace aegis::driver {

class PullCursor {
  public:
    // Starts with what the ring keeps, with headroom once it has gone round: see ring::oldest_event. IRQL <=
    // DISPATCH_LEVEL.
    void initialize(const ring::RingMemory<>& memory);

    // Fills `output` (kernel memory, at least AEGIS_MAX_EVENT_SIZE bytes) with whole events in full form and returns
    // the bytes written; 0 when nothing is queued. Concurrent pulls on one handle take turns. IRQL <= APC_LEVEL.
    std::size_t pull(void* output, std::size_t output_bytes);

    // False until the first pull: a handle that never pulls is no consumer. IRQL <= DISPATCH_LEVEL.
    bool describe(std::uint64_t published, AEGIS_CONSUMER_INFO* row) const;

  private:
    std::size_t write_event(std::byte* to) const;

    FastMutex turn_;  // protects consumer_ and event_
    ring::Consumer<> consumer_;
    ring::EventBuffer event_;  // here because a kernel stack is small

    // Copies for the query, which must not wait for a pull. Relaxed: each is a report of its own.
    std::atomic<bool> used_ = false;
    std::atomic<std::uint64_t> cursor_ = 0;
    std::atomic<std::uint64_t> lost_ = 0;
};

}  // namespace aegis::driver
