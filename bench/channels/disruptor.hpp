// The LMAX Disruptor with one producer and one consumer, written from its technical paper (Thompson, Farley, Barker,
// Gee, Stewart, 2011): slots allocated once, one published sequence, and a consumer that takes all up to it as one
// batch and says only then how far it is. The producer keeps its last look at that.
#pragma once

#include <algorithm>
#include <atomic>

#include "channels/page_memory.hpp"
#include "channels/slot_message.hpp"

namespace aegis::bench {

template <std::size_t kBytes, Reading kReading>
class Disruptor {
  public:
    static constexpr ChannelTraits kTraits{
        kReading == Reading::kInPlace ? "disruptor, in place" : "disruptor, copied out",
        "the LMAX Disruptor with one producer and one consumer, the size known to the compiler",
        "overwrite (a slow consumer stops the sender), several sizes, loss count"};

    Disruptor() : pages_(kDefaultSlots * sizeof(Message<kBytes>)) {}

    bool send(const Message<kBytes>& message) {
        if (next_ - gate_seen_ == kDefaultSlots) {
            gate_seen_ = consumed_.load(std::memory_order_acquire);  // pairs with the release in receive
            if (next_ - gate_seen_ == kDefaultSlots) {
                return false;
            }
        }
        slot(next_) = message;
        published_.store(++next_, std::memory_order_release);  // pairs with the acquire in receive
        return true;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        const Ticket published = published_.load(std::memory_order_acquire);  // pairs with the release in send
        const Ticket end = std::min(published, cursor_ + kReceiveBatch);
        const auto count = static_cast<std::size_t>(end - cursor_);
        for (; cursor_ != end; ++cursor_) {
            hand_out<kReading>(cursor_, slot(cursor_), copy_, sink);
        }
        if (count != 0) {
            consumed_.store(cursor_, std::memory_order_release);  // pairs with the acquire in send: the slots are free
        }
        return count;
    }

    std::uint64_t lost() const { return 0; }

  private:
    Message<kBytes>& slot(Ticket ticket) {
        return static_cast<Message<kBytes>*>(pages_.data())[ticket % kDefaultSlots];
    }

    PageMemory pages_;
    alignas(AEGIS_CACHE_LINE) std::atomic<Ticket> published_ = 0;
    alignas(AEGIS_CACHE_LINE) Ticket next_ = 0;
    Ticket gate_seen_ = 0;
    alignas(AEGIS_CACHE_LINE) std::atomic<Ticket> consumed_ = 0;
    alignas(AEGIS_CACHE_LINE) Ticket cursor_ = 0;
    Message<kBytes> copy_;
};

}  // namespace aegis::bench
