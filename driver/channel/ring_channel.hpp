// The ring as the driver owns it: its memory, the lock that makes many callbacks one producer, and the doorbells.
//
// Lifetime: create at load, before any sensor; destroy at unload, when no sensor, no handle and no mapping is left.
//
// Passthrough: when the driver finds something of its own broken, the channel fails. It publishes nothing any more and
// counts what it does not publish; callbacks return as fast as before, and handles stay usable.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "aegis/ioctl.h"
#include "aegis/ring/doorbell.hpp"
#include "aegis/ring/producer.hpp"
#include "aegis/ring/region.hpp"
#include "channel/publish_gate.hpp"
#include "channel/wake_target.hpp"
#include "nt/literal.hpp"
#include "nt/nt.hpp"

namespace aegis::driver {

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
    // before the first agent are not lost. The cells must hold several of the largest events. IRQL PASSIVE_LEVEL.
    NTSTATUS create(std::uint32_t cell_count);

    // Frees the region. IRQL <= DISPATCH_LEVEL.
    void destroy();

    // Publishes one event and rings the doorbells that are due. Never blocks, never fails without counting: false when
    // the event was counted as lost instead, which wakes every sleeper. Another publisher does not wait for the bells.
    // `payload` must be nonpaged memory (a kernel stack is). IRQL <= DISPATCH_LEVEL.
    bool publish(std::uint16_t type, std::int64_t timestamp, const void* payload, std::size_t payload_bytes);

    // Counts events that a source lost before any sensor saw them, as AEGIS_LOST_SOURCE whatever the channel's state,
    // and wakes every sleeper. IRQL <= DISPATCH_LEVEL.
    void count_source_loss(std::uint32_t events);

    // After an internal failure: says in shared memory that no event will follow, and wakes every sleeper; later events
    // are counted as AEGIS_LOST_FAILED, and the driver says `why`, once. Nothing when the channel has failed already.
    // IRQL <= DISPATCH_LEVEL.
    void fail(Literal why);

    // Without a lock: for callbacks that would change what others do. Any IRQL.
    bool has_failed() const { return failed_.load(std::memory_order_relaxed); }

    // Compares the shared header with the driver's own record of it, and fails when other kernel code has written
    // there. False when the channel has failed, now or before. IRQL <= DISPATCH_LEVEL.
    bool verify();

    // `wake_at` lies in a consumer page that stays allocated until remove_doorbell has returned.
    // False when AEGIS_MAX_CONSUMERS bells are registered. IRQL <= DISPATCH_LEVEL.
    bool add_doorbell(std::atomic<std::uint64_t>* wake_at, WakeTarget* target);

    // Undoes add_doorbell. Waits for a producer that may be about to signal the target; none will do so afterwards. A
    // bell that is missing fails the channel, and no bell is rung any more. IRQL <= APC_LEVEL.
    void remove_doorbell(const std::atomic<std::uint64_t>* wake_at, WakeTarget* target);

    // IRQL <= DISPATCH_LEVEL.
    ChannelCounters counters();

    void* region() const { return region_; }
    std::uint64_t region_bytes() const { return identity_.RegionBytes; }
    // As it was laid out: the driver takes nothing about its ring from the shared memory.
    const AEGIS_RING_IDENTITY& identity() const { return identity_; }

    // For readers in the kernel.
    const ring::RingMemory<>& memory() const { return memory_; }

  private:
    // The caller of these holds publish_lock_, and rings `due` when it has released it.
    bool publish_locked(std::uint16_t type, std::int64_t timestamp, const void* payload, std::size_t payload_bytes,
                        DueBells* due);
    // Sleepers are woken after the count is there: a reader that arms its bell too late for that looks at the counters
    // once more before it sleeps.
    void wake_for_loss(DueBells* due);
    // False when the channel had failed before.
    bool stop(DueBells* due);
    bool header_is_intact() const;
    void count_wakeups(std::uint64_t rung);

    void* region_ = nullptr;
    AEGIS_RING_IDENTITY identity_{};
    ring::RingMemory<> memory_;
    PublishGate gate_;
    // Whether state_ is AEGIS_RING_FAILED. Relaxed: nothing else follows from it.
    std::atomic<bool> failed_ = false;
    // Protects everything below: the one producer, the bells, the state.
    KSPIN_LOCK publish_lock_ = 0;
    ring::Producer<> producer_;
    ring::DoorbellRinger<WakeTarget*, AEGIS_MAX_CONSUMERS> bells_;
    std::uint32_t state_ = AEGIS_RING_FAILED;
};

}  // namespace aegis::driver
