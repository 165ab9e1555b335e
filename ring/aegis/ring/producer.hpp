// The writing side of the ring.
//
// Guarantees:
//  1. publish is wait-free: no read-modify-write, no loop over shared state, no load of shared memory.
//  2. No consumer, whatever it does to memory it can write, changes what publish does.
//  3. A consumer either copies an event exactly as published or notices that it did not.
//
// One producer at a time: the caller serialises (the driver holds its publish lock). The writer's steps are those
// of a seqlock as corrected by H. Boehm, "Can Seqlocks Get Along with Programming Language Memory Models?" (2012).
#pragma once

#include <cstddef>
#include <cstdint>

#include "aegis/ring/ring_memory.hpp"
#include "aegis/ring/slot_copy.hpp"

namespace aegis::ring {

// The 32-bit number an event carries: 1 for ticket 0. It wraps; tickets do not.
constexpr std::uint32_t sequence_of(Ticket ticket) {
    return static_cast<std::uint32_t>(ticket + 1);
}

template <class Atomics = StdAtomics>
class Producer {
  public:
    // `first` is the ticket of the first event: 0 but in tests of the counters' far end.
    explicit Producer(RingMemory<Atomics> memory, Ticket first = 0) : memory_(memory), next_(first) {
        memory_.store_published(first);
    }

    Producer() = default;

    // Publishes one event; its header is made here. Returns false, and counts AEGIS_LOST_OVERSIZE, when the event
    // does not fit a slot; no ticket is used then.
    //
    // `payload` is private memory that may be read at the caller's IRQL, not shared memory.
    bool publish(std::uint16_t type, std::int64_t timestamp, const void* payload, std::size_t payload_bytes) {
        const std::size_t size = sizeof(AEGIS_EVENT_HEADER) + payload_bytes;
        if (payload_bytes > memory_.event_capacity() - sizeof(AEGIS_EVENT_HEADER)) {
            count_lost(AEGIS_LOST_OVERSIZE);
            return false;
        }
        const Ticket ticket = next_;

        memory_.mark_write_begun(ticket);
        // Keeps the words below behind the odd mark. Pairs with the acquire fence in read_slot: a reader that
        // copied one of these words finds at least this odd mark when it looks again, and discards its copy.
        Atomics::fence(std::memory_order_release);

        auto* words = memory_.event_words(ticket);
        words[0].store(size | std::uint64_t{type} << 16U | std::uint64_t{sequence_of(ticket)} << 32U,
                       std::memory_order_relaxed);
        words[1].store(static_cast<std::uint64_t>(timestamp), std::memory_order_relaxed);
        detail::copy_into_slot<Atomics>(words + 2, payload, payload_bytes);

        memory_.mark_write_complete(ticket);
        memory_.prefetch_to_write(ticket + kPrefetchDistance, size);
        next_ = ticket + 1;
        memory_.store_published(next_);
        return true;
    }

    // Counts events that get no ticket, under their AEGIS_LOST_… reason.
    void count_lost(unsigned reason, std::uint64_t events = 1) {
        lost_before_[reason] += events;
        memory_.store_lost_before(reason, lost_before_[reason]);
    }

    // Counts doorbells that the caller rang.
    void count_wakeups(std::uint64_t rung) {
        wakeups_sent_ += rung;
        memory_.store_wakeups_sent(wakeups_sent_);
    }

    // Says that no event will follow.
    void close() { memory_.store_state(AEGIS_RING_CLOSING); }

    // Events ever published: the next ticket.
    Ticket published() const { return next_; }
    std::uint64_t lost_before(unsigned reason) const { return lost_before_[reason]; }
    std::uint64_t wakeups_sent() const { return wakeups_sent_; }

  private:
    // The lines of a slot were last read by the consumers. Asked for so many events ahead, they are back when the
    // store needs them, and a consumer that follows closely does not stall the producer: measured, 2.5 to 3 times the
    // throughput at 160 bytes. 2 to 16 are much alike.
    static constexpr Ticket kPrefetchDistance = 4;

    RingMemory<Atomics> memory_;
    Ticket next_ = 0;  // private: the shared counter is never read back
    std::uint64_t lost_before_[AEGIS_LOST_REASONS] = {};
    std::uint64_t wakeups_sent_ = 0;
};

}  // namespace aegis::ring
