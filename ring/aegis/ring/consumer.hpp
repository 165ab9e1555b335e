// A reader that sees every event (broadcast).
//
// Guarantees:
//  1. An event is delivered exactly as published, in ticket order, at most once.
//  2. Always: delivered() + lost() == cursor() - start. No loss is silent.
//  3. read() makes one attempt and returns: no loop, no wait, whatever the shared bytes are.
//  4. Shared memory is only loaded from, so a read-only mapping is enough and no reader can hurt another.
//
// Not thread-safe: one thread per consumer; several threads of one process share a ConsumerGroup.
#pragma once

#include <cstdint>

#include "aegis/ring/slot_read.hpp"

namespace aegis::ring {

template <class Atomics = StdAtomics>
class Consumer {
  public:
    // Starts at any ticket: attach_ticket(memory) for what is kept, memory.load_published() for what follows.
    Consumer(RingMemory<Atomics> memory, Ticket start) : memory_(memory), cursor_(start) {}

    Consumer() = default;

    // One attempt at the next ticket. After kLapped, last_loss() tells what is gone and the cursor is beyond it.
    ReadStatus read(EventBuffer& out) {
        const detail::SlotRead result = detail::read_slot(memory_, cursor_, out);
        if (result.status == ReadStatus::kEvent) {
            ++cursor_;
            ++delivered_;
        } else if (result.status == ReadStatus::kLapped) {
            const Ticket resume = detail::resume_ticket(memory_, cursor_, result.version);
            loss_ = {cursor_, resume - cursor_};
            lost_ += loss_.count;
            cursor_ = resume;
        }
        return result.status;
    }

    // The next ticket to read.
    Ticket cursor() const { return cursor_; }
    std::uint64_t delivered() const { return delivered_; }
    std::uint64_t lost() const { return lost_; }
    const Loss& last_loss() const { return loss_; }

    // Events published and not read yet, by the shared hint.
    std::uint64_t lag() const {
        const std::uint64_t published = memory_.load_published();
        return published > cursor_ ? published - cursor_ : 0;
    }

    const RingMemory<Atomics>& memory() const { return memory_; }

  private:
    RingMemory<Atomics> memory_;
    Ticket cursor_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t lost_ = 0;
    Loss loss_;
};

}  // namespace aegis::ring
