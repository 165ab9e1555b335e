// What validation costs: a broadcast ring like ours without it. The reader checks the shared index before it copies
// and trusts the copy, made by the same instructions, so that an overrun reader delivers torn events. The suite counts
// those as corrupt.
#pragma once

#include <algorithm>
#include <atomic>

#include "aegis/ring/atomics.hpp"
#include "aegis/ring/cell_copy.hpp"
#include "channels/channel.hpp"
#include "channels/page_memory.hpp"

namespace aegis::bench {

template <std::size_t kBytes>
class UnvalidatedRing {
  public:
    static constexpr ChannelTraits kTraits{
        "unvalidated ring", "broadcast ring that checks its index before a read only", "torn reads caught"};

    explicit UnvalidatedRing(std::size_t slots = kDefaultSlots) : mask_(slots - 1), pages_(slots * kSlotBytes) {}

    bool send(const Message<kBytes>& message) {
        ring::detail::copy_into_cell<ring::StdAtomics>(slot(next_), message.words.data(),
                                                       message_bytes(message.words.data()));
        prefetch<ring::StdAtomics::prefetch_to_write>(next_ + kSenderPrefetch);
        head_.store(++next_, std::memory_order_release);  // pairs with the reader's acquire
        return true;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        const Ticket head = head_.load(std::memory_order_acquire);  // pairs with the release in send
        if (head - cursor_ > mask_ + 1) {
            const Ticket resume = head - (mask_ + 1) * 3 / 4;
            lost_ += resume - cursor_;
            cursor_ = resume;
        }
        const std::size_t count = std::min<std::size_t>(head - cursor_, kReceiveBatch);
        for (std::size_t i = 0; i < count; ++i) {
            const Word* event = slot(cursor_);
            const std::size_t size = std::min<std::size_t>(event->load(std::memory_order_relaxed) & 0xFFFFU, kBytes);
            ring::detail::copy_out_of_cell<ring::StdAtomics>(copy_.words.data(), event, size);
            finish_copy(&copy_);
            prefetch<ring::StdAtomics::prefetch_to_read>(cursor_ + kReceiverPrefetch);
            sink(cursor_++, copy_.words.data());
        }
        return count;
    }

    std::uint64_t lost() const { return lost_; }

  private:
    using Word = std::atomic<std::uint64_t>;

    // As many lines as the ring's cells take for such a message.
    static constexpr std::size_t kSlotBytes =
        (kBytes + AEGIS_CELL_DATA_BYTES - 1) / AEGIS_CELL_DATA_BYTES * AEGIS_CELL_BYTES;

    // As the ring does it: the difference between the two is validation alone.
    static constexpr Ticket kSenderPrefetch = 4;
    static constexpr Ticket kReceiverPrefetch = 8;

    template <void (*kPrefetch)(const void*)>
    void prefetch(Ticket ticket) const {
        for (std::size_t offset = 0; offset < kBytes; offset += AEGIS_CACHE_LINE) {
            kPrefetch(slot(ticket) + offset / sizeof(Word));
        }
    }

    Word* slot(Ticket ticket) const {
        return static_cast<Word*>(pages_.data()) + (ticket & mask_) * (kSlotBytes / sizeof(Word));
    }

    const Ticket mask_;
    PageMemory pages_;
    alignas(AEGIS_CACHE_LINE) std::atomic<Ticket> head_ = 0;
    alignas(AEGIS_CACHE_LINE) Ticket next_ = 0;
    alignas(AEGIS_CACHE_LINE) Ticket cursor_ = 0;
    std::uint64_t lost_ = 0;
    Message<kBytes> copy_;
};

}  // namespace aegis::bench
