// The same ring, read through the C interface of libaegis instead of the headers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "aegis/ring/producer.hpp"
#include "aegis/ring/region.hpp"
#include "channels/ring_channel.hpp"
#include "hosted/ring_device.hpp"

namespace aegis::bench {

// Memory of one batch: what is read stays in the first cache until it is looked at.
inline constexpr std::size_t kBatchBytes = 12288;

enum class Call : std::uint8_t { kVisit, kNextBatch };

template <std::size_t kBytes, Call kCall>
class LibraryChannel {
  public:
    static constexpr ChannelTraits kTraits{
        kCall == Call::kVisit ? "libaegis, aegis_visit" : "libaegis, aegis_next_batch",
        kCall == Call::kVisit ? "the ring through the C interface: a call for each event, which sees the checked copy"
                              : "the ring through the C interface: as many events to a call as fit 12 KiB, kept until "
                                "all of them are read",
        "nothing of the list"};

    LibraryChannel()
        : pages_(ring::region_bytes(kCells)),
          producer_(ring::format_region(pages_.data(), kCells, kSession)),
          client_(open_ring(pages_.data(), ring::region_bytes(kCells))) {}

    bool send(const Message<kBytes>& message) {
        producer_.publish(kMessageType, static_cast<std::int64_t>(message.ticket()), message.payload(),
                          Message<kBytes>::kPayloadBytes);
        return true;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        if constexpr (kCall == Call::kVisit) {
            // A visitor of C: what it needs comes by its context.
            const auto visit = [](void* context, const aegis_item* item) -> std::int32_t {
                hand_over(*static_cast<const Sink*>(context), *item);
                return 0;
            };
            return count_of(aegis_visit(client_.get(), visit, const_cast<Sink*>(&sink), kReceiveBatch, 0));
        } else {
            items_[0].size = sizeof(items_[0]);
            const std::size_t count = count_of(
                aegis_next_batch(client_.get(), items_.data(), kReceiveBatch, buffer_.data(), sizeof(buffer_), 0));
            for (std::size_t i = 0; i < count; ++i) {
                hand_over(sink, items_[i]);
            }
            return count;
        }
    }

    std::uint64_t lost() const {
        aegis_stats stats{};
        stats.size = sizeof(stats);
        count_of(aegis_stats_of(client_.get(), &stats));
        return stats.overwritten;
    }

  private:
    static constexpr std::uint8_t kSession[16] = {};
    static constexpr std::uint32_t kCells = cells_for<kBytes>(kDefaultSlots);

    static std::size_t count_of(std::int32_t result) {
        if (result < 0) {
            throw std::runtime_error(aegis_last_error());
        }
        return static_cast<std::size_t>(result);
    }

    template <class Sink>
    static void hand_over(const Sink& sink, const aegis_item& item) {
        if (item.kind == AEGIS_ITEM_EVENT) {
            sink(item.sequence - 1, static_cast<const std::uint64_t*>(item.data));
        }
    }

    PageMemory pages_;
    alignas(AEGIS_CACHE_LINE) ring::Producer<> producer_;
    alignas(AEGIS_CACHE_LINE) LibraryClient client_;
    alignas(AEGIS_CACHE_LINE) std::array<aegis_item, kReceiveBatch> items_{};
    alignas(AEGIS_CACHE_LINE) std::array<std::byte, kBatchBytes> buffer_{};
};

}  // namespace aegis::bench
