// The ring as the driver owns it: its memory, the lock that makes many callbacks one producer, and the doorbells.
//
// Lifetime: create at load, before any sensor; destroy at unload, when no sensor, no handle and no mapping is left.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "aegis/ioctl.h"
#include "aegis/ring/doorbell.hpp"
#include "aegis/ring/producer.hpp"
#include "aegis/ring/region.hpp"
#include "nt.hpp"

namespace aegis::driver {

// Whom a doorbell wakes. The event is referenced by whoever registers the bell, until after it is removed.
struct WakeTarget {
    PKEVENT event = nullptr;
    std::atomic<std::uint64_t> wakeups = 0;  // relaxed: written under the publish lock, read for reports
};

// What the query IOCTL tells about the channel, from one moment.
struct ChannelCounters {
    std::uint64_t published;
    std::uint64_t lost_before[AEGIS_LOST_REASONS];
    std::uint64_t wakeups_sent;
    std::uint32_t state;
};

class RingChannel {
  public:
    // Allocates and formats the region: zeroed, whole nonpaged pages. Events are kept from now on, so that those
    // before the first agent are not lost. `slot_count` must be valid. IRQL PASSIVE_LEVEL.
    NTSTATUS create(std::uint32_t slot_count);

    // Frees the region. IRQL <= DISPATCH_LEVEL.
    void destroy();

    // Publishes one event and rings the doorbells that are due. Never blocks, never fails without counting.
    // `payload` must be nonpaged memory (a kernel stack is). IRQL <= DISPATCH_LEVEL.
    void publish(std::uint16_t type, std::int64_t timestamp, const void* payload, std::size_t payload_bytes);

    // Says in shared memory that no event will follow; later ones are counted as AEGIS_LOST_CLOSING.
    // IRQL <= DISPATCH_LEVEL.
    void close();

    // `wake_at` lies in a consumer page that stays allocated until remove_doorbell has returned.
    // False when AEGIS_MAX_CONSUMERS bells are registered. IRQL <= DISPATCH_LEVEL.
    bool add_doorbell(std::atomic<std::uint64_t>* wake_at, WakeTarget* target);

    // Waits for a producer that may be about to ring this bell; none will do so afterwards.
    // IRQL <= DISPATCH_LEVEL.
    void remove_doorbell(const std::atomic<std::uint64_t>* wake_at);

    // IRQL <= DISPATCH_LEVEL.
    ChannelCounters counters();

    void* region() const { return region_; }
    std::uint64_t region_bytes() const { return identity().RegionBytes; }
    const AEGIS_RING_IDENTITY& identity() const { return static_cast<const AEGIS_RING_HEADER*>(region_)->Identity; }

    // For readers in the kernel.
    const ring::RingMemory<>& memory() const { return memory_; }

  private:
    void* region_ = nullptr;
    ring::RingMemory<> memory_;
    // Protects everything below: the one producer, the bells, the closed flag.
    KSPIN_LOCK publish_lock_ = 0;
    ring::Producer<> producer_;
    ring::DoorbellRinger<WakeTarget*, AEGIS_MAX_CONSUMERS> bells_;
    bool closed_ = false;
};

}  // namespace aegis::driver
