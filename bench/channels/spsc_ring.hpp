// One sender, one receiver, and each keeps its last look at the other's index: the queue of E. Rigtorp's SPSCQueue and
// of folly's ProducerConsumerQueue with cached indices, written from their description. The fastest known way to pass
// messages one by one when the sender may be made to wait.
#pragma once

#include <atomic>

#include "channels/page_memory.hpp"
#include "channels/slot_message.hpp"

namespace aegis::bench {

template <std::size_t kBytes, Reading kReading>
class SpscRing {
  public:
    static constexpr ChannelTraits kTraits{
        kReading == Reading::kInPlace ? "SPSC ring, in place" : "SPSC ring, copied out",
        "single-producer single-consumer ring with cached indices, the size known to the compiler",
        "overwrite (a full ring stops the sender), several readers, several sizes, loss count"};

    SpscRing() : pages_(kDefaultSlots * sizeof(Message<kBytes>)) {}

    bool send(const Message<kBytes>& message) {
        const Ticket next = written_.load(std::memory_order_relaxed);  // its own
        if (next - read_seen_ == kDefaultSlots) {
            read_seen_ = read_.load(std::memory_order_acquire);  // pairs with the release in receive: the slot is free
            if (next - read_seen_ == kDefaultSlots) {
                return false;
            }
        }
        slot(next) = message;
        written_.store(next + 1, std::memory_order_release);  // pairs with the acquire in receive: the slot is full
        return true;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        for (std::size_t count = 0; count < kReceiveBatch; ++count) {
            const Ticket next = read_.load(std::memory_order_relaxed);  // its own
            if (next == written_seen_) {
                written_seen_ = written_.load(std::memory_order_acquire);  // pairs with the release in send
                if (next == written_seen_) {
                    return count;
                }
            }
            hand_out<kReading>(next, slot(next), copy_, sink);
            read_.store(next + 1, std::memory_order_release);  // pairs with the acquire in send
        }
        return kReceiveBatch;
    }

    std::uint64_t lost() const { return 0; }

  private:
    Message<kBytes>& slot(Ticket ticket) {
        return static_cast<Message<kBytes>*>(pages_.data())[ticket % kDefaultSlots];
    }

    PageMemory pages_;
    alignas(AEGIS_CACHE_LINE) std::atomic<Ticket> written_ = 0;
    alignas(AEGIS_CACHE_LINE) Ticket read_seen_ = 0;
    alignas(AEGIS_CACHE_LINE) std::atomic<Ticket> read_ = 0;
    alignas(AEGIS_CACHE_LINE) Ticket written_seen_ = 0;
    Message<kBytes> copy_;
};

}  // namespace aegis::bench
