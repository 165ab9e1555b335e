// The shared words of a ring, and the only functions that touch them: one accessor per word and memory order,
// each naming the operation it pairs with. No algorithm lives here.
//
// A ticket is the 64-bit number of an event, a position that of a cell, both counted from 0 since driver load. Position
// p lies in cell p mod count. A cell's version is 2p+1 while an event is written there, and 2p+2 when the event that
// begins there is complete; a cell that continues an event keeps 2p+1. Versions are 64 bits wide so that they never
// come round again, and lie at fixed places, where no payload ever lies: no reader can take one for the other.
#pragma once

#include <cstddef>
#include <cstdint>

#include "aegis/ring/atomics.hpp"
#include "aegis/ring/cell_copy.hpp"
#include "aegis/ring_layout.h"

namespace aegis::ring {

using Ticket = std::uint64_t;
using Position = std::uint64_t;

// Every ticket, and every position, is below this.
inline constexpr Ticket kTicketLimit = (Ticket{1} << 63U) - 1;
inline constexpr Position kPositionLimit = (Position{1} << 63U) - 1;

inline constexpr std::size_t kEventHeaderWords = sizeof(AEGIS_EVENT_HEADER) / sizeof(std::uint64_t);

constexpr std::uint64_t version_while_written(Position position) {
    return 2 * position + 1;
}

constexpr std::uint64_t version_when_complete(Position position) {
    return 2 * position + 2;
}

// Where an event begins, and its number.
struct Beginning {
    Position position = 0;
    Ticket ticket = 0;
};

// A position with its cell: going on to the next cell costs no division. From RingMemory alone.
struct Place {
    Position position = 0;
    void* cell = nullptr;
};

// What a ring's cells look like.
struct Geometry {
    std::uint64_t cell_count = 0;  // from 2
    std::size_t cell_bytes = 0;    // multiple of 16, room for a version, a ticket and an event header
    std::size_t event_bytes = 0;   // largest event: an event header at least, all cells' data at most
};

template <class Atomics = StdAtomics>
class RingMemory {
  public:
    using Word = typename Atomics::template Atomic<std::uint64_t>;
    using StateWord = typename Atomics::template Atomic<std::uint32_t>;

    // The words outside the cells.
    struct Header {
        Word* published = nullptr;
        Word* newest = nullptr;
        Word* lost_before = nullptr;
        Word* wakeups_sent = nullptr;
        StateWord* state = nullptr;
    };

    RingMemory(const Header& header, Word* cells, const Geometry& geometry)
        : header_(header),
          cells_(cells),
          end_(cells + geometry.cell_count * (geometry.cell_bytes / sizeof(std::uint64_t))),
          cell_words_(geometry.cell_bytes / sizeof(std::uint64_t)),
          cell_data_bytes_(geometry.cell_bytes - AEGIS_CELL_HEADER_BYTES),
          event_capacity_(geometry.event_bytes),
          usual_span_(usual_span_of((cell_data_bytes_ < event_capacity_ ? cell_data_bytes_ : event_capacity_) -
                                    sizeof(AEGIS_EVENT_HEADER))),
          cell_count_(geometry.cell_count) {}

    RingMemory() = default;

    std::uint64_t cell_count() const { return cell_count_; }

    // Bytes of an event that one cell holds.
    std::size_t cell_data_bytes() const { return cell_data_bytes_; }

    // Largest event, in bytes.
    std::size_t event_capacity() const { return event_capacity_; }

    // Does an event with such a payload lie in one cell, and does the copy without a loop take it? Most do.
    bool is_usual(std::size_t payload_bytes) const { return payload_bytes - kFewestUsual < usual_span_; }

    // Most cells that one event takes.
    std::uint64_t most_cells() const { return (event_capacity_ + cell_data_bytes_ - 1) / cell_data_bytes_; }

    Place place_of(Position position) const { return {position, cells_ + (position % cell_count_) * cell_words_}; }

    Place next(Place place) const {
        Word* const after = cell(place) + cell_words_;
        return {place.position + 1, after == end_ ? cells_ : after};
    }

    static Word* data_words(Place place) { return cell(place) + kHeaderWords; }

    // Producer: the odd mark. Relaxed; the release fence that follows it in Producer::publish keeps the event's
    // words behind it and pairs with the acquire fence before recheck_version.
    void mark_write_begun(Place place) {
        cell(place)->store(version_while_written(place.position), std::memory_order_relaxed);
    }

    // Producer: the even mark of the first cell. Release; pairs with load_version: who sees it sees the event's words.
    void mark_write_complete(Place place) {
        cell(place)->store(version_when_complete(place.position), std::memory_order_release);
    }

    // Consumer: acquire; pairs with mark_write_complete.
    std::uint64_t load_version(Place place) const { return cell(place)->load(std::memory_order_acquire); }

    // Consumer: the second look, after the copy and an acquire fence. That fence pairs with the release fence
    // after mark_write_begun: a copied word of a later event makes its odd mark, or a later one, visible here.
    std::uint64_t recheck_version(Place place) const { return cell(place)->load(std::memory_order_relaxed); }

    // The ticket of the event that begins here. Relaxed on both sides: it lies between the marks, like the event's
    // words, and is validated with them.
    void store_ticket(Place place, Ticket ticket) { cell(place)[1].store(ticket, std::memory_order_relaxed); }
    Ticket load_ticket(Place place) const { return cell(place)[1].load(std::memory_order_relaxed); }

    // How many events were ever published. Release and acquire: a sleeper who reads that its batch is there finds
    // every event of it complete, and load_newest not behind it.
    void store_published(std::uint64_t count) { header_.published->store(count, std::memory_order_release); }
    std::uint64_t load_published() const { return header_.published->load(std::memory_order_acquire); }

    // The position of the newest complete event. Release and acquire: who looks there, or behind it, finds the marks of
    // all cells up to it. Still only a hint: nobody takes a cell for a beginning without its version saying so.
    void store_newest(Position position) { header_.newest->store(position, std::memory_order_release); }
    Position load_newest() const { return header_.newest->load(std::memory_order_acquire); }

    // Hints about the cells that an event of about `event_bytes` takes `cells` cells behind `place`. They only hide the
    // time that cache lines take from core to core; see producer.hpp and read_ahead.hpp. Near the ring's end they name
    // addresses behind it, which does nothing.
    void prefetch_to_write(Place place, std::size_t cells, std::size_t event_bytes) const {
        prefetch<Atomics::prefetch_to_write>(place, cells, event_bytes);
    }
    void prefetch_to_read(Place place, std::size_t cells, std::size_t event_bytes) const {
        prefetch<Atomics::prefetch_to_read>(place, cells, event_bytes);
    }

    // Counters: written by the single producer alone, read by anyone for reports. Relaxed: they order nothing.
    void store_lost_before(unsigned reason, std::uint64_t count) {
        header_.lost_before[reason].store(count, std::memory_order_relaxed);
    }
    std::uint64_t load_lost_before(unsigned reason) const {
        return header_.lost_before[reason].load(std::memory_order_relaxed);
    }
    void store_wakeups_sent(std::uint64_t count) { header_.wakeups_sent->store(count, std::memory_order_relaxed); }
    std::uint64_t load_wakeups_sent() const { return header_.wakeups_sent->load(std::memory_order_relaxed); }

    // Driver state. Release and acquire: who sees "closing" sees every event published before it.
    void store_state(std::uint32_t state) { header_.state->store(state, std::memory_order_release); }
    std::uint32_t load_state() const { return header_.state->load(std::memory_order_acquire); }

  private:
    static constexpr std::size_t kFewestUsual = Atomics::kVectorCopy ? detail::kFewestVectorBytes : 0;

    // How many sizes of payload are usual, from kFewestUsual on.
    static constexpr std::size_t usual_span_of(std::size_t payload_bytes) {
        const std::size_t most = payload_bytes < detail::kMostVectorBytes ? payload_bytes : detail::kMostVectorBytes;
        return most < kFewestUsual ? 0 : most - kFewestUsual + 1;
    }

    static constexpr std::size_t kHeaderWords = AEGIS_CELL_HEADER_BYTES / sizeof(std::uint64_t);

    static Word* cell(Place place) { return static_cast<Word*>(place.cell); }

    template <void (*kPrefetch)(const void*)>
    void prefetch(Place place, std::size_t cells, std::size_t event_bytes) const {
        // Not as pointers, which must not point there.
        auto line = reinterpret_cast<std::uintptr_t>(place.cell) + cells * cell_words_ * sizeof(std::uint64_t);
        const std::uintptr_t end = line + AEGIS_CELL_HEADER_BYTES + event_bytes;
        do {
            kPrefetch(reinterpret_cast<const void*>(line));
            line += AEGIS_CACHE_LINE;
        } while (line < end);
    }

    Header header_;
    Word* cells_ = nullptr;
    Word* end_ = nullptr;
    std::size_t cell_words_ = 0;
    std::size_t cell_data_bytes_ = 0;
    std::size_t event_capacity_ = 0;
    std::size_t usual_span_ = 0;
    std::uint64_t cell_count_ = 0;
};

}  // namespace aegis::ring
