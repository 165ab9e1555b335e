#include "ring_channel.hpp"

#include "pool.hpp"
#include "spin_lock.hpp"

namespace aegis::driver {

NTSTATUS RingChannel::create(std::uint32_t slot_count) {
    UUID session;
    const NTSTATUS status = ExUuidCreate(&session);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    static_assert(sizeof(session) == sizeof(AEGIS_RING_IDENTITY::SessionId));

    region_ = allocate_nonpaged(ring::region_bytes(slot_count));
    if (region_ == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memory_ = ring::format_region(region_, slot_count, reinterpret_cast<const std::uint8_t*>(&session));
    KeInitializeSpinLock(&publish_lock_);
    producer_ = ring::Producer<>(memory_);
    bells_ = {};
    closed_ = false;
    return STATUS_SUCCESS;
}

void RingChannel::destroy() {
    memory_ = {};
    free_nonpaged(region_);
    region_ = nullptr;
}

void RingChannel::publish(std::uint16_t type, std::int64_t timestamp, const void* payload, std::size_t payload_bytes) {
    const QueuedSpinLockScope lock(publish_lock_);
    if (closed_) {
        producer_.count_lost(AEGIS_LOST_CLOSING);
        return;
    }
    if (!producer_.publish(type, timestamp, payload, payload_bytes)) {
        return;
    }
    // Under the lock, so that remove_doorbell waits for a signal in flight.
    const std::uint64_t rung = bells_.ring(producer_.published(), [](WakeTarget* target) {
        KeSetEvent(target->event, EVENT_INCREMENT, FALSE);
        target->wakeups.fetch_add(1, std::memory_order_relaxed);
    });
    if (rung != 0) {
        producer_.count_wakeups(rung);
    }
}

void RingChannel::close() {
    const QueuedSpinLockScope lock(publish_lock_);
    closed_ = true;
    producer_.close();
}

bool RingChannel::add_doorbell(std::atomic<std::uint64_t>* wake_at, WakeTarget* target) {
    const QueuedSpinLockScope lock(publish_lock_);
    return bells_.add(wake_at, target);
}

void RingChannel::remove_doorbell(const std::atomic<std::uint64_t>* wake_at) {
    const QueuedSpinLockScope lock(publish_lock_);
    bells_.remove(wake_at);
}

ChannelCounters RingChannel::counters() {
    const QueuedSpinLockScope lock(publish_lock_);
    ChannelCounters counters{};
    counters.published = producer_.published();
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        counters.lost_before[reason] = producer_.lost_before(reason);
    }
    counters.wakeups_sent = producer_.wakeups_sent();
    counters.state = closed_ ? AEGIS_RING_CLOSING : AEGIS_RING_RUNNING;
    return counters;
}

}  // namespace aegis::driver
