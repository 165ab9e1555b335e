// One attempt to read the event at one place, shared by Consumer and ConsumerGroup: copy, then validate, then deliver.
// And the search for a place to begin at.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "aegis/ring/cell_copy.hpp"
#include "aegis/ring/event_buffer.hpp"
#include "aegis/ring/ring_memory.hpp"

namespace aegis::ring {

enum class ReadStatus : std::uint8_t {
    kEmpty,   // nothing to read now
    kEvent,   // the buffer holds the next event
    kLapped,  // the producer has overwritten events that were not read yet
};

// A run of tickets that were overwritten before they were read.
struct Loss {
    Ticket first = 0;
    std::uint64_t count = 0;
};

namespace detail {

struct EventRead {
    ReadStatus status;
    Place next;  // with kEvent: where the event after this one begins
};

// The parts of a read: look at the version, copy the header, copy the rest, confirm that all is of one event. Until
// that is confirmed every copied word may belong to a later event. So the size is clamped before it decides how much is
// copied, and nothing else is interpreted.

// The size in the first word of an event's header, which may be anything.
inline std::size_t claimed_size(std::uint64_t word) {
    return static_cast<std::size_t>(word & 0xFFFFU);
}

// As much as a header at least, as the ring takes at most.
template <class Atomics>
std::size_t clamp_size(const RingMemory<Atomics>& memory, std::size_t claimed) {
    return std::clamp(claimed, sizeof(AEGIS_EVENT_HEADER), memory.event_capacity());
}

// What it means that the cell at `place` has another version than that of a complete event.
inline ReadStatus status_of(std::uint64_t version, Place place) {
    // Behind the last position the version wraps and every cell seems lapped; find_resume() then finds nothing.
    return version < version_when_complete(place.position) ? ReadStatus::kEmpty : ReadStatus::kLapped;
}

// After the copy. False: the producer has begun to overwrite the event.
template <class Atomics>
[[gnu::always_inline]] inline bool confirm(const RingMemory<Atomics>& memory, Place place) {
    // Keeps the second look behind the copy. Pairs with the release fence in Producer::begin_words. The first cell's
    // mark stands for all: before a word of any later piece is overwritten, this cell has been marked again.
    Atomics::fence(std::memory_order_acquire);
    const bool intact = memory.recheck_version(place) == version_when_complete(place.position);
    return intact;
}

// The payload of an event that begins at `place` and takes several cells; gives the place behind it.
template <class Atomics>
Place copy_out_in_pieces(const RingMemory<Atomics>& memory, Place place, std::size_t size, std::uint64_t* copy) {
    const std::size_t cell_bytes = memory.cell_data_bytes();
    copy_out_of_cell<Atomics>(copy + kEventHeaderWords, memory.data_words(place) + kEventHeaderWords,
                              cell_bytes - sizeof(AEGIS_EVENT_HEADER));
    Place next = memory.next(place);
    for (std::size_t done = cell_bytes; done < size; done += cell_bytes) {
        copy_piece_out_of_cell<Atomics>(copy + done / kWordBytes, memory.data_words(next),
                                        std::min(size - done, cell_bytes));
        next = memory.next(next);
    }
    return next;
}

// A read from the copied header on. Any event: Consumer::read has a shorter way for most.
template <class Atomics, EventCopy Copy>
EventRead read_payload(const RingMemory<Atomics>& memory, Place place, Ticket ticket, std::size_t claimed, Copy& out) {
    const std::size_t size = clamp_size(memory, claimed);
    Place next = memory.next(place);
    if (size <= memory.cell_data_bytes()) {
        copy_out_of_cell<Atomics>(out.words() + kEventHeaderWords, memory.data_words(place) + kEventHeaderWords,
                                  size - sizeof(AEGIS_EVENT_HEADER));
    } else {
        next = copy_out_in_pieces(memory, place, size, out.words());
    }
    if (!confirm(memory, place)) {
        return {ReadStatus::kLapped, place};
    }
    out.assign(ticket, size);
    return {ReadStatus::kEvent, next};
}

template <class Atomics, EventCopy Copy>
EventRead read_event(const RingMemory<Atomics>& memory, Place place, Copy& out) {
    const std::uint64_t version = memory.load_version(place);
    if (version != version_when_complete(place.position)) {
        return {status_of(version, place), place};
    }
    const Ticket ticket = memory.load_ticket(place);
    const std::uint64_t word = copy_header<Atomics>(out.words(), memory.data_words(place));
    return read_payload(memory, place, ticket, claimed_size(word), out);
}

// An event without its content.
struct Head {
    Ticket ticket;
    Position next;  // where the event after it begins
};

// The head of the event at `place`. False when none begins there, or not any more.
template <class Atomics>
bool read_head(const RingMemory<Atomics>& memory, Place place, Head& head) {
    if (memory.load_version(place) != version_when_complete(place.position)) {
        return false;
    }
    head.ticket = memory.load_ticket(place);
    const std::uint64_t word = memory.data_words(place)[0].load(std::memory_order_relaxed);
    const std::size_t size = clamp_size(memory, claimed_size(word));
    head.next = place.position + (size + memory.cell_data_bytes() - 1) / memory.cell_data_bytes();
    return confirm(memory, place) && head.ticket < kTicketLimit;
}

// The first beginning from `from` on, up to that of the newest event, `newest`; a hint, to be read and validated like
// any other. Every cell in between says by its version whether an event begins there, so it is found within the cells
// of one event; of two more while the oldest cells are looked at, which the producer may be overwriting.
template <class Atomics>
Place find_beginning(const RingMemory<Atomics>& memory, Position from, Position newest) {
    Place place = memory.place_of(from);
    for (std::uint64_t looked = 0; looked < 3 * memory.most_cells() && place.position < newest; ++looked) {
        if (memory.load_version(place) == version_when_complete(place.position)) {
            return place;
        }
        place = memory.next(place);
    }
    return memory.place_of(newest);
}

// The newest event's position, never more than can be: bytes that no producer wrote must not make a position wrap.
template <class Atomics>
Position newest_position(const RingMemory<Atomics>& memory) {
    return std::min(memory.load_newest(), kPositionLimit - 1);
}

// The first cell that can still hold an event when the newest one is at `newest`.
template <class Atomics>
Position oldest_position(const RingMemory<Atomics>& memory, Position newest) {
    return newest >= memory.cell_count() ? newest - memory.cell_count() + 1 : 0;
}

// Where a reader goes on that was overrun, or that comes to a full ring: the oldest cell that is intact for sure while
// the next one may already be in the making, plus a quarter of the ring. Without that headroom the producer overruns
// the reader at once, while it copies the first event. Jumping to the newest event would give up a full ring of events.
template <class Atomics>
Position position_with_headroom(const RingMemory<Atomics>& memory, Position newest) {
    const Position being_written = newest + 1;
    const std::uint64_t count = memory.cell_count();
    return (being_written >= count ? being_written - count + 1 : 0) + count / 4;
}

// Where a reader that was lapped at `lapped` goes on. False when no complete event follows it.
template <class Atomics>
bool find_resume(const RingMemory<Atomics>& memory, Position lapped, Place& resume) {
    const Position newest = newest_position(memory);
    const Position from = std::max(position_with_headroom(memory, newest), lapped + 1);
    if (from > newest) {
        return false;
    }
    resume = find_beginning(memory, from, newest);
    return true;
}

// How often one read goes on from a place that turns out to be no good before it gives up and says "empty", which costs
// its caller another look. Each time the producer has overtaken it, or has moved on by as much as a ring.
inline constexpr unsigned kMostTries = 8;

}  // namespace detail

// Where a reader starts that wants what is published from now on.
template <class Atomics>
Beginning next_event(const RingMemory<Atomics>& memory) {
    // In this order: the count is then never behind the position, and the reader passes over what lies in between.
    const Position newest = detail::newest_position(memory);
    const Ticket published = std::min(memory.load_published(), kTicketLimit);
    detail::Head head{};
    if (detail::read_head(memory, memory.place_of(newest), head)) {
        return {head.next, head.ticket + 1};
    }
    // Nothing was published yet, or so much meanwhile that the newest event of a moment ago is overwritten.
    return {newest, published};
}

enum class Headroom : std::uint8_t {
    kNone,  // everything the ring keeps: for a producer that rests, or for a reader that is sure to be fast enough
    kSome,  // once the ring has gone round, without its oldest quarter, which is about to be overwritten
};

// Where a reader starts that wants what the ring keeps. What was overwritten before is no loss of this reader.
template <class Atomics>
Beginning oldest_event(const RingMemory<Atomics>& memory, Headroom headroom = Headroom::kNone) {
    for (int attempt = 0; attempt < 2; ++attempt) {
        const Position newest = detail::newest_position(memory);
        Position from = 0;
        // The first event of all is there until something is overwritten.
        if (memory.load_version(memory.place_of(0)) != version_when_complete(0)) {
            // The second attempt was overtaken by the producer once.
            from = headroom == Headroom::kSome || attempt != 0
                       ? std::min(detail::position_with_headroom(memory, newest), newest)
                       : detail::oldest_position(memory, newest);
        }
        const Place place = detail::find_beginning(memory, from, newest);
        detail::Head head{};
        if (detail::read_head(memory, place, head)) {
            return {place.position, head.ticket};
        }
    }
    // Nothing was published yet, or more than a ring's worth while this reader looked.
    return next_event(memory);
}

}  // namespace aegis::ring
