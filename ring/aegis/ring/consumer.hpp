// A reader that sees every event (broadcast).
//
// Guarantees:
//  1. An event is delivered exactly as published, in ticket order, at most once.
//  2. Always: delivered() + lost() == cursor() - start. No loss is silent.
//  3. read() returns after a bounded number of attempts, most often one: no wait, whatever the shared bytes are.
//  4. Shared memory is only loaded from, so a read-only mapping is enough and no reader can hurt another.
//
// The ticket says what was read and what was lost, the place only where to look: every event brings its own ticket,
// and a loss is the distance to that of the first event found behind it.
//
// Not thread-safe: one thread per consumer; several threads of one process share a ConsumerGroup.
#pragma once

#include <cstdint>

#include "aegis/ring/event_read.hpp"
#include "aegis/ring/read_ahead.hpp"

namespace aegis::ring {

template <class Atomics = StdAtomics>
class Consumer {
  public:
    // Starts at the event with the ticket of `start`, whose place is that of `start` or behind it: {} for the first
    // event, oldest_event(memory) for all that is kept, next_event(memory) for what follows.
    Consumer(RingMemory<Atomics> memory, Beginning start)
        : memory_(memory), place_(memory.place_of(start.position)), ticket_(start.ticket) {}

    Consumer() = default;

    // The next event. After kLapped, last_loss() tells what is gone and the cursor is beyond it.
    template <EventCopy Copy>
    ReadStatus read(Copy& out) {
        // Here only what a read takes that finds a usual event; all else is out of its way, and its caller's.
        // The place word by word, as deliver() stores it: a copy of both at once may wait for its two stores.
        const Place place{place_.position, place_.cell};
        const std::uint64_t version = memory_.load_version(place);
        if (version != version_when_complete(place.position)) {
            return read_no_event(version, out);
        }
        const Ticket ticket = memory_.load_ticket(place);
        const auto* words = memory_.data_words(place);
        const std::size_t size = detail::claimed_size(detail::copy_header<Atomics>(out.words(), words));
        const std::size_t payload_bytes = size - sizeof(AEGIS_EVENT_HEADER);
        if (!memory_.is_usual(payload_bytes)) {
            return read_unusual(ticket, size, out);
        }
        detail::copy_usual_out_of_cell<Atomics>(out.words() + kEventHeaderWords, words + kEventHeaderWords,
                                                payload_bytes);
        if (!detail::confirm(memory_, place)) {
            return find_next(ReadStatus::kLapped, place_, out);
        }
        out.assign(ticket, size);
        const Place next = memory_.next(place);
        if (ticket != ticket_) {
            return find_next(ReadStatus::kEvent, next, out);
        }
        deliver(next);
        ahead_.ask(memory_, next, size);
        return ReadStatus::kEvent;
    }

    // Reads up to `most` events through `buffer` and calls visit(buffer) for each. Ends before that when there is
    // nothing to read now, or with kLapped, like read(); with kEvent when `most` were read. Each event is a copy that
    // was validated before visit() sees it, as with read(); what a batch saves is the way in and out of it.
    template <class Visit>
    ReadStatus read_batch(EventBuffer& buffer, std::uint64_t most, Visit&& visit) {
        for (std::uint64_t count = 0; count < most; ++count) {
            const ReadStatus status = read(buffer);
            if (status != ReadStatus::kEvent) {
                return status;
            }
            visit(static_cast<const EventBuffer&>(buffer));
        }
        return ReadStatus::kEvent;
    }

    // The next ticket to read.
    Ticket cursor() const { return ticket_; }
    // Where it is looked for.
    Position position() const { return place_.position; }
    std::uint64_t delivered() const { return delivered_; }
    std::uint64_t lost() const { return lost_; }
    const Loss& last_loss() const { return loss_; }

    // Events published and not read yet, by the shared count.
    std::uint64_t lag() const {
        const std::uint64_t published = memory_.load_published();
        return published > ticket_ ? published - ticket_ : 0;
    }

    const RingMemory<Atomics>& memory() const { return memory_; }

  private:
    void deliver(Place next) {
        place_ = next;
        ++ticket_;
        ++delivered_;
    }

    // With the version of the cell where no event of this consumer begins.
    template <EventCopy Copy>
    [[gnu::noinline]] ReadStatus read_no_event(std::uint64_t version, Copy& out) {
        const ReadStatus status = detail::status_of(version, place_);
        return status == ReadStatus::kEmpty ? status : find_next(status, place_, out);
    }

    // With the ticket and the size that were read where an event begins.
    template <EventCopy Copy>
    [[gnu::noinline]] ReadStatus read_unusual(Ticket ticket, std::size_t claimed, Copy& out) {
        const detail::EventRead result = detail::read_payload(memory_, place_, ticket, claimed, out);
        if (result.status == ReadStatus::kEvent && out.ticket() == ticket_) {
            deliver(result.next);
            ahead_.ask(memory_, result.next, out.size());
            return ReadStatus::kEvent;
        }
        return find_next(result.status, result.next, out);
    }

    // What a read leads to that found no event of this consumer's ticket.
    template <EventCopy Copy>
    [[gnu::noinline]] ReadStatus find_next(ReadStatus status, Place next, Copy& out) {
        detail::EventRead result{status, next};
        for (unsigned tries = 0; tries < detail::kMostTries; ++tries) {
            if (result.status == ReadStatus::kLapped) {
                if (!detail::find_resume(memory_, place_.position, place_)) {
                    return ReadStatus::kEmpty;
                }
            } else if (result.status == ReadStatus::kEmpty || out.ticket() >= kTicketLimit) {
                return ReadStatus::kEmpty;
            } else if (out.ticket() == ticket_) {
                deliver(result.next);
                return ReadStatus::kEvent;
            } else if (out.ticket() > ticket_) {
                // Known only now, with a later event at hand. That is read again by the next read.
                loss_ = {ticket_, out.ticket() - ticket_};
                lost_ += loss_.count;
                ticket_ = out.ticket();
                return ReadStatus::kLapped;
            } else {
                place_ = result.next;  // from before the start
            }
            result = detail::read_event(memory_, place_, out);
        }
        return ReadStatus::kEmpty;
    }

    RingMemory<Atomics> memory_;
    Place place_;
    Ticket ticket_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t lost_ = 0;
    Loss loss_;
    detail::ReadAhead<Atomics> ahead_;
};

}  // namespace aegis::ring
