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
    // The lines of a cell were last read by the consumers. Asked for so many cells ahead, they are back when the stores
    // need them.
    static constexpr std::size_t kPrefetchCells = 4;

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
        const auto* from = static_cast<const std::byte*>(payload);
        if (!memory_.is_usual(payload_bytes)) {
            return publish_unusual(type, timestamp, from, payload_bytes);
        }
        // Here only what most events take. The place word by word, as finish() stores it: a copy of both at once may
        // wait for its two stores.
        const Place first{next_.position, next_.cell};
        memory_.mark_write_begun(first);
        begin_words(first, type, timestamp, payload_bytes);
        detail::copy_usual_into_cell<Atomics>(memory_.data_words(first) + kEventHeaderWords, from, payload_bytes);
        finish(first, memory_.next(first), payload_bytes);
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
    // What follows the odd marks: the words of an event that are not payload.
    [[gnu::always_inline]] void begin_words(Place first, std::uint16_t type, std::int64_t timestamp,
                                            std::size_t payload_bytes) {
        // Keeps the words below behind the odd marks. Pairs with the acquire fence in detail::confirm: a reader that
        // copied one of these words finds a later mark than its event's when it looks again, and discards its copy.
        Atomics::fence(std::memory_order_release);
        const Ticket ticket = published_;
        memory_.store_ticket(first, ticket);
        detail::store_header<Atomics>(memory_.data_words(first),
                                      (sizeof(AEGIS_EVENT_HEADER) + payload_bytes) | std::uint64_t{type} << 16U |
                                          std::uint64_t{sequence_of(ticket)} << 32U,
                                      static_cast<std::uint64_t>(timestamp));
    }

    // What follows an event's words.
    [[gnu::always_inline]] void finish(Place first, Place after, std::size_t payload_bytes) {
        memory_.mark_write_complete(first);
        if constexpr (Atomics::kPrefetch) {
            memory_.prefetch_to_write(after, kPrefetchCells, payload_bytes + sizeof(AEGIS_EVENT_HEADER));
        }
        next_ = after;
        newest_ = first.position;
        const Ticket published = published_ + 1;
        published_ = published;
        memory_.store_newest(first.position);
        memory_.store_published(published);
    }

    // An event that takes several cells, or hardly any of one, or that the ring does not take.
    [[gnu::noinline]] bool publish_unusual(std::uint16_t type, std::int64_t timestamp, const std::byte* from,
                                           std::size_t bytes) {
        if (bytes > memory_.event_capacity() - sizeof(AEGIS_EVENT_HEADER)) {
            count_lost(AEGIS_LOST_OVERSIZE);
            return false;
        }
        const std::size_t cell_bytes = memory_.cell_data_bytes();
        const std::size_t size = sizeof(AEGIS_EVENT_HEADER) + bytes;
        const Place first = next_;
        memory_.mark_write_begun(first);
        Place after = memory_.next(first);
        for (std::size_t marked = cell_bytes; marked < size; marked += cell_bytes) {
            memory_.mark_write_begun(after);
            after = memory_.next(after);
        }
        begin_words(first, type, timestamp, bytes);
        const std::size_t first_piece = std::min(bytes, cell_bytes - sizeof(AEGIS_EVENT_HEADER));
        detail::copy_into_cell<Atomics>(memory_.data_words(first) + kEventHeaderWords, from, first_piece);
        Place place = first;
        for (std::size_t done = first_piece; done < bytes; done += cell_bytes) {
            place = memory_.next(place);
            detail::copy_piece_into_cell<Atomics>(memory_.data_words(place), from + done,
                                                  std::min(bytes - done, cell_bytes));
        }
        finish(first, after, bytes);
        return true;
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
