#include "channel/ring_channel.hpp"

#include <cstring>

#include "channel/session_id.hpp"
#include "diagnostics/diagnostics.hpp"
#include "nt/pool.hpp"
#include "nt/spin_lock.hpp"

namespace aegis::driver {
namespace {

bool same_identity(const AEGIS_RING_IDENTITY& a, const AEGIS_RING_IDENTITY& b) {
    return std::memcmp(&a, &b, sizeof(a)) == 0;
}

}  // namespace

NTSTATUS RingChannel::create(std::uint32_t cell_count) {
    UUID session;
    const NTSTATUS status = create_session_id(&session);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    static_assert(sizeof(session) == sizeof(AEGIS_RING_IDENTITY::SessionId));

    region_ = allocate_nonpaged(ring::region_bytes(cell_count));
    if (region_ == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memory_ = ring::format_region(region_, cell_count, reinterpret_cast<const std::uint8_t*>(&session));
    identity_ = ring::load_identity(region_);
    KeInitializeSpinLock(&publish_lock_);
    producer_ = ring::Producer<>(memory_);
    bells_ = {};
    failed_.store(false, std::memory_order_relaxed);
    state_ = AEGIS_RING_RUNNING;
    return STATUS_SUCCESS;
}

void RingChannel::destroy() {
    memory_ = {};
    free_nonpaged(region_);
    region_ = nullptr;
}

bool RingChannel::publish(std::uint16_t type, std::int64_t timestamp, const void* payload, std::size_t payload_bytes) {
    const int self = 0;
    bool published = false;
    gate_.enter(&self);
    {
        DueBells due;
        {
            const PublishLockScope lock(publish_lock_, due);
            published = publish_locked(type, timestamp, payload, payload_bytes, &due);
        }
        // Whoever waits at the gate need not wait for the bells.
        gate_.leave(&self);
    }
    return published;
}

bool RingChannel::publish_locked(std::uint16_t type, std::int64_t timestamp, const void* payload,
                                 std::size_t payload_bytes, DueBells* due) {
    if (state_ != AEGIS_RING_RUNNING) {
        producer_.count_lost(AEGIS_LOST_FAILED);
        return false;
    }
    if (!producer_.publish(type, timestamp, payload, payload_bytes)) {
        wake_for_loss(due);
        return false;
    }
    count_wakeups(bells_.ring(producer_.published(), [due](WakeTarget* target) { due->add(target); }));
    return true;
}

void RingChannel::count_source_loss(std::uint32_t events) {
    DueBells due;
    const PublishLockScope lock(publish_lock_, due);
    producer_.count_lost(AEGIS_LOST_SOURCE, events);
    wake_for_loss(&due);
}

void RingChannel::fail(Literal why) {
    {
        DueBells due;
        const PublishLockScope lock(publish_lock_, due);
        if (!stop(&due)) {
            return;
        }
    }
    report_internal_failure(why);
}

bool RingChannel::verify() {
    {
        DueBells due;
        const PublishLockScope lock(publish_lock_, due);
        if (state_ != AEGIS_RING_RUNNING || header_is_intact()) {
            return state_ != AEGIS_RING_FAILED;
        }
        stop(&due);
    }
    report_internal_failure("the ring's header was overwritten");
    return false;
}

bool RingChannel::add_doorbell(std::atomic<std::uint64_t>* wake_at, WakeTarget* target) {
    const QueuedSpinLockScope lock(publish_lock_);
    return bells_.add(wake_at, target);
}

void RingChannel::remove_doorbell(const std::atomic<std::uint64_t>* wake_at, WakeTarget* target) {
    bool stopped = false;
    {
        DueBells due;
        const PublishLockScope lock(publish_lock_, due);
        if (!bells_.remove(wake_at)) {
            // The table is not what the driver made of it, so nothing that it names may be touched: this caller is
            // about to free its page, and the other pages may be no more than that.
            bells_ = {};
            stopped = stop(&due);
        }
    }
    target->drain();
    if (stopped) {
        report_internal_failure("a consumer's doorbell is missing");
    }
}

ChannelCounters RingChannel::counters() {
    const QueuedSpinLockScope lock(publish_lock_);
    ChannelCounters counters{};
    counters.published = producer_.published();
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        counters.lost_before[reason] = producer_.lost_before(reason);
    }
    counters.wakeups_sent = producer_.wakeups_sent();
    counters.state = state_;
    return counters;
}

bool RingChannel::stop(DueBells* due) {
    if (state_ != AEGIS_RING_RUNNING) {
        return false;
    }
    failed_.store(true, std::memory_order_relaxed);
    state_ = AEGIS_RING_FAILED;
    producer_.close();
    count_wakeups(bells_.ring_all([due](WakeTarget* target) { due->add(target); }));
    return true;
}

// The bells' fence orders the count before the look at who sleeps; pairs with the fence in DoorbellListener::arm.
void RingChannel::wake_for_loss(DueBells* due) {
    count_wakeups(bells_.ring_all([due](WakeTarget* target) { due->add(target); }));
}

// Every word but the cells has its original in driver memory.
bool RingChannel::header_is_intact() const {
    bool intact = same_identity(ring::load_identity(region_), identity_) &&
                  memory_.load_published() == producer_.published() && memory_.load_newest() == producer_.newest() &&
                  memory_.load_wakeups_sent() == producer_.wakeups_sent() && memory_.load_state() == state_;
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        intact = intact && memory_.load_lost_before(reason) == producer_.lost_before(reason);
    }
    return intact;
}

void RingChannel::count_wakeups(std::uint64_t rung) {
    if (rung != 0) {
        producer_.count_wakeups(rung);
    }
}

}  // namespace aegis::driver
