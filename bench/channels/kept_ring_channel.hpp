// The ring's headers with a reader that keeps what it reads: what aegis_next_batch does, without a library.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "channels/library_channel.hpp"
#include "channels/ring_channel.hpp"

namespace aegis::bench {

template <std::size_t kBytes>
class KeptRingChannel {
  public:
    static constexpr ChannelTraits kTraits{
        "ring, a batch kept", "the ring's headers, as many events as fit 12 KiB read before any is looked at",
        "nothing of the list"};

    KeptRingChannel()
        : pages_(ring::region_bytes(kCells)),
          memory_(ring::format_region(pages_.data(), kCells, kSession)),
          producer_(memory_),
          consumer_(memory_, {}) {}

    bool send(const Message<kBytes>& message) {
        producer_.publish(kMessageType, static_cast<std::int64_t>(message.ticket()), message.payload(),
                          Message<kBytes>::kPayloadBytes);
        return true;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        std::size_t count = 0;
        std::size_t used = 0;
        while (count < kReceiveBatch && used + AEGIS_RING_EVENT_BYTES <= buffer_.size()) {
            ring::BorrowedEvent event(buffer_.data() + used);
            const ring::ReadStatus status = consumer_.read(event);
            if (status == ring::ReadStatus::kEmpty) {
                break;
            }
            if (status == ring::ReadStatus::kEvent) {
                kept_[count++] = {event.ticket(), event.words()};
                used += (event.size() + 7U) & ~std::size_t{7};
            }
        }
        for (std::size_t i = 0; i < count; ++i) {
            sink(kept_[i].ticket, kept_[i].words);
        }
        return count;
    }

    std::uint64_t lost() const { return consumer_.lost(); }

  private:
    static constexpr std::uint8_t kSession[16] = {};
    static constexpr std::uint32_t kCells = cells_for<kBytes>(kDefaultSlots);

    struct Kept {
        Ticket ticket;
        const std::uint64_t* words;
    };

    PageMemory pages_;
    ring::RingMemory<> memory_;
    alignas(AEGIS_CACHE_LINE) ring::Producer<> producer_;
    alignas(AEGIS_CACHE_LINE) ring::Consumer<> consumer_;
    std::array<Kept, kReceiveBatch> kept_{};
    alignas(AEGIS_CACHE_LINE) std::array<std::byte, kBatchBytes> buffer_{};
};

}  // namespace aegis::bench
