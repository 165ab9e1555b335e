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

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "aegis/ring/cell_copy.hpp"
#include "aegis/ring/ring_memory.hpp"

namespace aegis::ring {

// The 32-bit number an event carries: 1 for ticket 0. It wraps; tickets do not.
constexpr std::uint32_t sequence_of(Ticket ticket) {
    return static_cast<std::uint32_t>(ticket + 1);
}

template <class Atomics = StdAtomics>
class Producer {
  public:
    // `first`: where the first event goes, and its ticket: zeros but in tests of the counters' far end.
    explicit Producer(RingMemory<Atomics> memory, Beginning first = {})
        : memory_(memory), next_(memory_.place_of(first.position)), newest_(first.position), published_(first.ticket) {
        memory_.store_newest(newest_);
        memory_.store_published(published_);
    }

    Producer() = default;

    // Publishes one event; its header is made here. Returns false, and counts AEGIS_LOST_OVERSIZE, when the event
    // is larger than the ring takes; no ticket and no cell is used then.
    //
    // `payload` is private memory that may be read at the caller's IRQL, not shared memory.
    bool publish(std::uint16_t type, std::int64_t timestamp, const void* payload, std::size_t payload_bytes) {
        if (payload_bytes > memory_.event_capacity() - sizeof(AEGIS_EVENT_HEADER)) {
            count_lost(AEGIS_LOST_OVERSIZE);
            return false;
        }
        const std::size_t size = sizeof(AEGIS_EVENT_HEADER) + payload_bytes;
        const std::size_t cell_bytes = memory_.cell_data_bytes();
        const Ticket ticket = published_;
        const Place first = next_;

        memory_.mark_write_begun(first);
        Place after = memory_.next(first);
        for (std::size_t marked = cell_bytes; marked < size; marked += cell_bytes) {
            memory_.mark_write_begun(after);
            after = memory_.next(after);
        }
        // Keeps the words below behind the odd marks. Pairs with the acquire fence in read_event: a reader that
        // copied one of these words finds a later mark than its event's when it looks again, and discards its copy.
        Atomics::fence(std::memory_order_release);

        memory_.store_ticket(first, ticket);
        auto* words = memory_.data_words(first);
        words[0].store(size | std::uint64_t{type} << 16U | std::uint64_t{sequence_of(ticket)} << 32U,
                       std::memory_order_relaxed);
        words[1].store(static_cast<std::uint64_t>(timestamp), std::memory_order_relaxed);
        const auto* from = static_cast<const std::byte*>(payload);
        if (size <= cell_bytes) {
            detail::copy_into_cell<Atomics>(words + kEventHeaderWords, from, payload_bytes);
        } else {
            copy_in_pieces(first, from, payload_bytes);
        }

        memory_.mark_write_complete(first);
        next_ = after;
        newest_ = first.position;
        published_ = ticket + 1;
        memory_.store_newest(newest_);
        memory_.store_published(published_);
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
    Ticket published() const { return published_; }
    // Where the newest event begins; before the first, where that will begin.
    Position newest() const { return newest_; }
    std::uint64_t lost_before(unsigned reason) const { return lost_before_[reason]; }
    std::uint64_t wakeups_sent() const { return wakeups_sent_; }

  private:
    // The payload of an event that begins at `place` and does not fit one cell. Out of the way of those that do.
    [[gnu::noinline]] void copy_in_pieces(Place place, const std::byte* from, std::size_t bytes) {
        const std::size_t first_piece = memory_.cell_data_bytes() - sizeof(AEGIS_EVENT_HEADER);
        detail::copy_into_cell<Atomics>(memory_.data_words(place) + kEventHeaderWords, from, first_piece);
        for (std::size_t done = first_piece; done < bytes; done += memory_.cell_data_bytes()) {
            place = memory_.next(place);
            detail::copy_piece_into_cell<Atomics>(memory_.data_words(place), from + done,
                                                  std::min(bytes - done, memory_.cell_data_bytes()));
        }
    }

    RingMemory<Atomics> memory_;
    // Private: nothing of it is ever read back from shared memory.
    Place next_;
    Position newest_ = 0;
    Ticket published_ = 0;
    std::uint64_t lost_before_[AEGIS_LOST_REASONS] = {};
    std::uint64_t wakeups_sent_ = 0;
};

}  // namespace aegis::ring
