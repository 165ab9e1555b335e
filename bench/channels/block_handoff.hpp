// The limit: what two cores can hand over at all. The same messages, copied in and copied out, but synchronised only
// once per 512 KiB block, with no slots, no loss and one reader.
#pragma once

#include <array>
#include <atomic>
#include <cstring>

#include "aegis/ring/atomics.hpp"
#include "channels/channel.hpp"
#include "channels/page_memory.hpp"

namespace aegis::bench {

template <std::size_t kBytes>
class BlockHandoff {
  public:
    static constexpr ChannelTraits kTraits{"block hand-off", "512 KiB blocks passed between two cores: the limit",
                                           "overwrite, several readers, loss count; delivers a block late"};

    BlockHandoff() : pages_(kBlocks * kBlockBytes) {}

    bool send(const Message<kBytes>& message) {
        Flag& flag = flags_[sending_];
        // Acquire: pairs with the receiver's release; the block is free again.
        if (sent_ == 0 && flag.full.load(std::memory_order_acquire)) {
            return false;
        }
        prefetch<ring::StdAtomics::prefetch_to_write>(sending_, sent_);
        std::memcpy(place(sending_, sent_), message.words.data(), message_bytes(message.words.data()));
        if (++sent_ == kPerBlock) {
            flag.full.store(true, std::memory_order_release);  // pairs with the receiver's acquire
            sent_ = 0;
            sending_ = (sending_ + 1) % kBlocks;
        }
        return true;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        Flag& flag = flags_[receiving_];
        if (!flag.full.load(std::memory_order_acquire)) {
            return 0;
        }
        for (std::size_t i = 0; i < kPerBlock; ++i) {
            prefetch<ring::StdAtomics::prefetch_to_read>(receiving_, i);
            std::memcpy(copy_.words.data(), place(receiving_, i), message_bytes(place(receiving_, i)));
            finish_copy(&copy_);
            sink(received_++, copy_.words.data());
        }
        flag.full.store(false, std::memory_order_release);
        receiving_ = (receiving_ + 1) % kBlocks;
        return kPerBlock;
    }

    std::uint64_t lost() const { return 0; }

  private:
    static constexpr std::size_t kBlockBytes = std::size_t{512} * 1024;
    static constexpr std::size_t kBlocks = 4;
    static constexpr std::size_t kPerBlock = kBlockBytes / kBytes;

    struct alignas(AEGIS_CACHE_LINE) Flag {
        std::atomic<bool> full = false;
    };

    void* place(std::size_t block, std::size_t index) const {
        return static_cast<std::byte*>(pages_.data()) + block * kBlockBytes + index * kBytes;
    }

    // A limit must not be beaten by a trick it does not use itself: both sides ask ahead, as the ring's do. Beyond the
    // last block's end these are addresses that nothing is read from.
    template <void (*kPrefetch)(const void*)>
    void prefetch(std::size_t block, std::size_t index) const {
        constexpr std::size_t kAheadBytes = 1024;
        const auto* ahead = static_cast<const std::byte*>(place(block, index)) + kAheadBytes;
        for (std::size_t offset = 0; offset < kBytes; offset += AEGIS_CACHE_LINE) {
            kPrefetch(ahead + offset);
        }
    }

    PageMemory pages_;
    std::array<Flag, kBlocks> flags_;
    alignas(AEGIS_CACHE_LINE) std::size_t sending_ = 0;
    std::size_t sent_ = 0;
    alignas(AEGIS_CACHE_LINE) std::size_t receiving_ = 0;
    Ticket received_ = 0;
    Message<kBytes> copy_;
};

}  // namespace aegis::bench
