// Several threads of one process that share the work: each event goes to exactly one member.
//
// Two words in the process's own memory lead the group. The cursor is a ticket and decides: a member copies and
// validates an event and only then claims its ticket by moving the cursor from it; a failed claim means that another
// member has the event, and the copy is thrown away. Claiming first would lose the event with a lapped or killed
// member; a fetch-add would run the cursor past the head. The position says where to look. It only moves forward: past
// an event whose ticket was claimed, by whoever finds it there, or to where a lapped group goes on. No member has to
// see the two words together: what lies at the position brings its own ticket, and that is compared with the cursor.
//
// Guarantees:
//  1. Members together deliver each event at most once, and each intact one exactly once.
//  2. The sum over members of delivered() + lost() == cursor() - start, once no member is inside read().
//  3. A member that dies takes with it what it claimed, and nothing more.
#pragma once

#include <cstdint>

#include "aegis/ring/event_read.hpp"

namespace aegis::ring {

template <class Atomics = StdAtomics>
class ConsumerGroup {
  public:
    // As for Consumer.
    ConsumerGroup(RingMemory<Atomics> memory, Beginning start)
        : memory_(memory), cursor_(start.ticket), position_(start.position) {}

    ConsumerGroup(const ConsumerGroup&) = delete;
    ConsumerGroup& operator=(const ConsumerGroup&) = delete;

    // The next ticket nobody has claimed. Relaxed: the event's cell orders the event, the cursor only says whose it is.
    Ticket cursor() const { return cursor_.load(std::memory_order_relaxed); }

    std::uint64_t lag() const {
        const std::uint64_t published = memory_.load_published();
        const Ticket next = cursor();
        return published > next ? published - next : 0;
    }

    const RingMemory<Atomics>& memory() const { return memory_; }

    // Where a Consumer is that reads in the group's place while no member does: members go on there. Relaxed: who lets
    // the members begin orders what this has stored before what they load.
    void follow(Ticket cursor, Position position) {
        cursor_.store(cursor, std::memory_order_relaxed);
        position_.store(position, std::memory_order_relaxed);
    }

  private:
    template <class>
    friend class GroupMember;

    // Relaxed: an old position costs a look at an event that is claimed, nothing else.
    Position position() const { return position_.load(std::memory_order_relaxed); }

    // Moves the cursor from `from` to `to` unless another member was faster. Relaxed on both sides: atomicity
    // alone makes the claim exclusive, and no member reads anything because of another one's claim.
    bool claim(Ticket from, Ticket to) {
        return cursor_.compare_exchange_strong(from, to, std::memory_order_relaxed, std::memory_order_relaxed);
    }

    // Moves the position from `from` to `to` unless another member has moved it. An exchange that compares, so that it
    // never goes back. Relaxed: see position().
    void move(Position from, Position to) {
        position_.compare_exchange_strong(from, to, std::memory_order_relaxed, std::memory_order_relaxed);
    }

    RingMemory<Atomics> memory_;
    // One line for both: who touches one touches the other.
    alignas(AEGIS_CACHE_LINE) typename Atomics::template Atomic<Ticket> cursor_;
    typename Atomics::template Atomic<Position> position_;
};

// One thread's part in a group. Not thread-safe itself.
template <class Atomics = StdAtomics>
class GroupMember {
  public:
    explicit GroupMember(ConsumerGroup<Atomics>& group)
        : group_(&group), place_(group.memory_.place_of(group.position())) {}

    // Like Consumer::read for the group's next event. Lock-free: it tries again only when another member or the
    // producer has made progress.
    template <EventCopy Copy>
    ReadStatus read(Copy& out) {
        for (unsigned tries = 0; tries < kMostTries; ++tries) {
            const Position position = group_->position();
            if (place_.position != position) {
                place_ = group_->memory_.place_of(position);
            }
            const detail::EventRead result = detail::read_event(group_->memory_, place_, out);
            if (result.status == ReadStatus::kEmpty) {
                return ReadStatus::kEmpty;
            }
            if (result.status == ReadStatus::kLapped) {
                Place resume;
                if (!detail::find_resume(group_->memory_, position, resume)) {
                    return ReadStatus::kEmpty;
                }
                group_->move(position, resume.position);
                continue;
            }
            const Ticket ticket = out.ticket();
            const Ticket cursor = group_->cursor();
            if (ticket == cursor && group_->claim(cursor, cursor + 1)) {
                go_on(position, result.next);
                ++delivered_;
                return ReadStatus::kEvent;
            }
            if (ticket < cursor) {
                // Claimed by a member that has not moved the position yet, or died before it could.
                go_on(position, result.next);
            } else if (ticket >= kTicketLimit) {
                return ReadStatus::kEmpty;
            } else if (ticket > cursor && group_->claim(cursor, ticket)) {
                loss_ = {cursor, ticket - cursor};
                lost_ += loss_.count;
                return ReadStatus::kLapped;
            }
        }
        return ReadStatus::kEmpty;
    }

    std::uint64_t delivered() const { return delivered_; }
    std::uint64_t lost() const { return lost_; }
    const Loss& last_loss() const { return loss_; }

  private:
    // Far more than members there are: only bytes that no producer wrote can take as many.
    static constexpr unsigned kMostTries = 256;

    void go_on(Position position, Place next) {
        group_->move(position, next.position);
        place_ = next;
    }

    ConsumerGroup<Atomics>* group_;
    Place place_;  // of the position it looked at last
    std::uint64_t delivered_ = 0;
    std::uint64_t lost_ = 0;
    Loss loss_;
};

}  // namespace aegis::ring
