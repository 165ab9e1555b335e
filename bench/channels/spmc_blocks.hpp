// One sender, any number of readers, a number in front of each message: the design of several low-latency market data
// queues (M. Rong's SPMC_Queue among them), written from its description. The sender overwrites the oldest and waits
// for nobody; a reader compares the block's number with the one it expects, once, and trusts what it reads then. A
// reader that is overtaken while it reads delivers torn messages: the suite counts them as corrupt.
#pragma once

#include <atomic>

#include "channels/page_memory.hpp"
#include "channels/slot_message.hpp"

namespace aegis::bench {

template <std::size_t kBytes, Reading kReading>
class SpmcBlocks {
  public:
    static constexpr ChannelTraits kTraits{
        kReading == Reading::kInPlace ? "SPMC blocks, in place" : "SPMC blocks, copied out",
        "single-producer multi-consumer ring, a number per block, unchecked, the size known to the compiler",
        "torn reads caught, several sizes"};

    SpmcBlocks() : pages_(kDefaultSlots * sizeof(Block)) {}

    bool send(const Message<kBytes>& message) {
        Block& block = block_of(next_);
        block.message = message;
        block.number.store(++next_, std::memory_order_release);  // pairs with the acquire in receive
        return true;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        for (std::size_t count = 0; count < kReceiveBatch; ++count) {
            const Block& block = block_of(cursor_);
            const Ticket number = block.number.load(std::memory_order_acquire);  // pairs with the release in send
            if (number <= cursor_) {
                return count;
            }
            // Lapped: the block holds a later message, and the reader goes on from there.
            lost_ += number - 1 - cursor_;
            hand_out<kReading>(number - 1, block.message, copy_, sink);
            cursor_ = number;
        }
        return kReceiveBatch;
    }

    std::uint64_t lost() const { return lost_; }

  private:
    struct alignas(AEGIS_CACHE_LINE) Block {
        std::atomic<Ticket> number;  // of the message, from 1; the pages are zero at first
        Message<kBytes> message;
    };

    Block& block_of(Ticket ticket) { return static_cast<Block*>(pages_.data())[ticket % kDefaultSlots]; }

    PageMemory pages_;
    alignas(AEGIS_CACHE_LINE) Ticket next_ = 0;
    alignas(AEGIS_CACHE_LINE) Ticket cursor_ = 0;
    std::uint64_t lost_ = 0;
    Message<kBytes> copy_;
};

}  // namespace aegis::bench
