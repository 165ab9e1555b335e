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
    ReadStatus read(EventBuffer& out) {
        const detail::EventRead result = detail::read_event(memory_, place_, out);
        if (result.status == ReadStatus::kEvent && out.ticket() == ticket_) {
            deliver(result.next);
            return ReadStatus::kEvent;
        }
        return result.status == ReadStatus::kEmpty ? ReadStatus::kEmpty : find_next(result, out);
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

    // What `result`, which is no event of this consumer's ticket, leads to. Out of the way of the read that finds one.
    [[gnu::noinline]] ReadStatus find_next(detail::EventRead result, EventBuffer& out) {
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
};

}  // namespace aegis::ring
