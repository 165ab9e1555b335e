// Several threads of one process that share the work: each event goes to exactly one member.
//
// The group's cursor lives in the process's own memory. A member copies and validates the event at the cursor and
// only then claims it by moving the cursor; a failed claim means that another member has the event, and the copy
// is thrown away. Claiming first would lose the event with a lapped or killed member; a fetch-add would run the
// cursor past the head.
//
// Guarantees:
//  1. Members together deliver each event at most once, and each intact one exactly once.
//  2. The sum over members of delivered() + lost() == cursor() - start, once no member is inside read().
//  3. A member that dies takes with it what it claimed, and nothing more.
#pragma once

#include <cstdint>

#include "aegis/ring/slot_read.hpp"

namespace aegis::ring {

template <class Atomics = StdAtomics>
class ConsumerGroup {
  public:
    ConsumerGroup(RingMemory<Atomics> memory, Ticket start) : memory_(memory), cursor_(start) {}

    ConsumerGroup(const ConsumerGroup&) = delete;
    ConsumerGroup& operator=(const ConsumerGroup&) = delete;

    // The next ticket nobody has claimed. Relaxed: the slot orders the event, the cursor only says whose it is.
    Ticket cursor() const { return cursor_.load(std::memory_order_relaxed); }

    std::uint64_t lag() const {
        const std::uint64_t published = memory_.load_published();
        const Ticket next = cursor();
        return published > next ? published - next : 0;
    }

    const RingMemory<Atomics>& memory() const { return memory_; }

  private:
    template <class>
    friend class GroupMember;

    // Moves the cursor from `from` to `to` unless another member was faster. Relaxed on both sides: atomicity
    // alone makes the claim exclusive, and no member reads anything because of another one's claim.
    bool claim(Ticket from, Ticket to) {
        return cursor_.compare_exchange_strong(from, to, std::memory_order_relaxed, std::memory_order_relaxed);
    }

    RingMemory<Atomics> memory_;
    alignas(AEGIS_CACHE_LINE) typename Atomics::template Atomic<Ticket> cursor_;
};

// One thread's part in a group. Not thread-safe itself.
template <class Atomics = StdAtomics>
class GroupMember {
  public:
    explicit GroupMember(ConsumerGroup<Atomics>& group) : group_(&group) {}

    // Like Consumer::read for the group's next ticket. Lock-free: it tries again only when another member has
    // made progress.
    ReadStatus read(EventBuffer& out) {
        for (;;) {
            const Ticket cursor = group_->cursor();
            const detail::SlotRead result = detail::read_slot(group_->memory_, cursor, out);
            if (result.status == ReadStatus::kEmpty) {
                return ReadStatus::kEmpty;
            }
            if (result.status == ReadStatus::kEvent) {
                if (group_->claim(cursor, cursor + 1)) {
                    ++delivered_;
                    return ReadStatus::kEvent;
                }
                continue;
            }
            const Ticket resume = detail::resume_ticket(group_->memory_, cursor, result.version);
            if (group_->claim(cursor, resume)) {
                loss_ = {cursor, resume - cursor};
                lost_ += loss_.count;
                return ReadStatus::kLapped;
            }
        }
    }

    std::uint64_t delivered() const { return delivered_; }
    std::uint64_t lost() const { return lost_; }
    const Loss& last_loss() const { return loss_; }

  private:
    ConsumerGroup<Atomics>* group_;
    std::uint64_t delivered_ = 0;
    std::uint64_t lost_ = 0;
    Loss loss_;
};

}  // namespace aegis::ring
