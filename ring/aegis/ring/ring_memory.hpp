// The shared words of a ring, and the only functions that touch them: one accessor per word and memory order,
// each naming the operation it pairs with. No algorithm lives here.
//
// A ticket is the 64-bit number of an event, counted from 0 since driver load. Ticket n lives in slot
// n mod count; the slot's version is 2n+1 while it is written and 2n+2 when it is complete. Versions are
// 64 bits wide so that they never come round again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "aegis/ring/atomics.hpp"
#include "aegis/ring_layout.h"

namespace aegis::ring {

using Ticket = std::uint64_t;

// Every ticket is below this.
inline constexpr Ticket kTicketLimit = (Ticket{1} << 63U) - 1;

constexpr std::uint64_t version_while_written(Ticket ticket) {
    return 2 * ticket + 1;
}

constexpr std::uint64_t version_when_complete(Ticket ticket) {
    return 2 * ticket + 2;
}

template <class Atomics = StdAtomics>
class RingMemory {
  public:
    using Word = typename Atomics::template Atomic<std::uint64_t>;
    using StateWord = typename Atomics::template Atomic<std::uint32_t>;

    // `slot_count` is a power of two >= 2; a slot is `slot_words` words: its version, then the event.
    RingMemory(Word* published, Word* lost_before, Word* wakeups_sent, StateWord* state, Word* slots,
               std::uint64_t slot_count, std::size_t slot_words)
        : published_(published),
          lost_before_(lost_before),
          wakeups_sent_(wakeups_sent),
          state_(state),
          slots_(slots),
          mask_(slot_count - 1),
          slot_words_(slot_words) {}

    RingMemory() = default;

    std::uint64_t slot_count() const { return mask_ + 1; }

    // Largest event a slot holds, in bytes.
    std::size_t event_capacity() const { return (slot_words_ - 1) * sizeof(std::uint64_t); }

    Word* event_words(Ticket ticket) { return slot(ticket) + 1; }
    const Word* event_words(Ticket ticket) const { return slot(ticket) + 1; }

    // Producer: the odd mark. Relaxed; the release fence that follows it in Producer::publish keeps the event's
    // words behind it and pairs with the acquire fence before recheck_version.
    void mark_write_begun(Ticket ticket) {
        slot(ticket)->store(version_while_written(ticket), std::memory_order_relaxed);
    }

    // Producer: the even mark. Release; pairs with load_version: who sees it sees the event's words.
    void mark_write_complete(Ticket ticket) {
        slot(ticket)->store(version_when_complete(ticket), std::memory_order_release);
    }

    // Consumer: acquire; pairs with mark_write_complete.
    std::uint64_t load_version(Ticket ticket) const { return slot(ticket)->load(std::memory_order_acquire); }

    // Consumer: the second look, after the copy and an acquire fence. That fence pairs with the release fence
    // after mark_write_begun: a copied word of a later ticket makes that ticket's odd mark visible here.
    std::uint64_t recheck_version(Ticket ticket) const { return slot(ticket)->load(std::memory_order_relaxed); }

    // How many events were ever published. A hint on both sides, so relaxed: nobody reads an event because of it
    // without asking the event's slot.
    void store_published(std::uint64_t count) { published_->store(count, std::memory_order_relaxed); }
    std::uint64_t load_published() const { return published_->load(std::memory_order_relaxed); }

    // Hints about a slot that will be used soon for an event of about `event_bytes` (at most event_capacity()). They
    // only hide the time its cache lines take from core to core; see producer.hpp and slot_read.hpp.
    void prefetch_to_write(Ticket ticket, std::size_t event_bytes) const {
        for (std::size_t word = 0; word < words_used(event_bytes); word += kLineWords) {
            Atomics::prefetch_to_write(slot(ticket) + word);
        }
    }
    void prefetch_to_read(Ticket ticket, std::size_t event_bytes) const {
        for (std::size_t word = 0; word < words_used(event_bytes); word += kLineWords) {
            Atomics::prefetch_to_read(slot(ticket) + word);
        }
    }

    // Counters: written by the single producer alone, read by anyone for reports. Relaxed: they order nothing.
    void store_lost_before(unsigned reason, std::uint64_t count) {
        lost_before_[reason].store(count, std::memory_order_relaxed);
    }
    std::uint64_t load_lost_before(unsigned reason) const {
        return lost_before_[reason].load(std::memory_order_relaxed);
    }
    void store_wakeups_sent(std::uint64_t count) { wakeups_sent_->store(count, std::memory_order_relaxed); }
    std::uint64_t load_wakeups_sent() const { return wakeups_sent_->load(std::memory_order_relaxed); }

    // Driver state. Release and acquire: who sees "closing" sees every event published before it.
    void store_state(std::uint32_t state) { state_->store(state, std::memory_order_release); }
    std::uint32_t load_state() const { return state_->load(std::memory_order_acquire); }

  private:
    Word* slot(Ticket ticket) { return slots_ + (ticket & mask_) * slot_words_; }
    const Word* slot(Ticket ticket) const { return slots_ + (ticket & mask_) * slot_words_; }

    static constexpr std::size_t kLineWords = AEGIS_CACHE_LINE / sizeof(std::uint64_t);

    // The version and so much of the event.
    static constexpr std::size_t words_used(std::size_t event_bytes) {
        return 1 + (event_bytes + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t);
    }

    Word* published_ = nullptr;
    Word* lost_before_ = nullptr;
    Word* wakeups_sent_ = nullptr;
    StateWord* state_ = nullptr;
    Word* slots_ = nullptr;
    std::uint64_t mask_ = 0;
    std::size_t slot_words_ = 0;
};

}  // namespace aegis::ring
