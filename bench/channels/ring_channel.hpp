// The ring itself, its shipped headers unchanged.
#pragma once

#include <atomic>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/doorbell.hpp"
#include "aegis/ring/producer.hpp"
#include "aegis/ring/region.hpp"
#include "channels/channel.hpp"
#include "channels/page_memory.hpp"

namespace aegis::bench {

enum class Bell : bool {
    kNone,
    kRegistered,  // by a consumer that is awake: the producer pays for looking, and signals nobody
};

// Cells of a ring that keeps so many messages.
template <std::size_t kBytes>
constexpr std::uint32_t cells_for(std::size_t messages, std::uint32_t cell_bytes = AEGIS_CELL_BYTES) {
    const std::size_t data = cell_bytes - AEGIS_CELL_HEADER_BYTES;
    return static_cast<std::uint32_t>(messages * ((kBytes + data - 1) / data));
}

template <std::size_t kBytes, Bell kBell = Bell::kNone>
class RingChannel {
  public:
    static constexpr ChannelTraits kTraits{
        kBell == Bell::kNone ? "ring" : "ring, doorbell registered",
        kBell == Bell::kNone ? "the ring, one broadcast consumer" : "the ring, its consumer awake with a doorbell",
        "nothing of the list"};

    explicit RingChannel(std::uint32_t cells = cells_for<kBytes>(kDefaultSlots),
                         std::uint32_t cell_bytes = AEGIS_CELL_BYTES)
        : pages_(ring::region_bytes(cells, cell_bytes)),
          memory_(ring::format_region(pages_.data(), cells, kSession, cell_bytes)),
          producer_(memory_),
          consumer_(memory_, {}) {
        if constexpr (kBell == Bell::kRegistered) {
            bells_.add(&wake_at_, 0);
        }
    }

    bool send(const Message<kBytes>& message) {
        producer_.publish(kMessageType, static_cast<std::int64_t>(message.ticket()), message.payload(),
                          Message<kBytes>::kPayloadBytes);
        if constexpr (kBell == Bell::kRegistered) {
            bells_.ring(producer_.published(), [](int) {});
        }
        return true;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        for (std::size_t count = 0; count < kReceiveBatch; ++count) {
            const ring::ReadStatus status = consumer_.read(event_);
            if (status == ring::ReadStatus::kEmpty) {
                return count;
            }
            if (status == ring::ReadStatus::kEvent) {
                sink(event_.ticket(), event_.words());
            }
        }
        return kReceiveBatch;
    }

    std::uint64_t lost() const { return consumer_.lost(); }

  private:
    static constexpr std::uint8_t kSession[16] = {};

    PageMemory pages_;
    ring::RingMemory<> memory_;
    alignas(AEGIS_CACHE_LINE) ring::Producer<> producer_;
    ring::DoorbellRinger<int, 1> bells_;
    alignas(AEGIS_CACHE_LINE) std::atomic<std::uint64_t> wake_at_ = AEGIS_WAKE_NEVER;
    alignas(AEGIS_CACHE_LINE) ring::Consumer<> consumer_;
    ring::EventBuffer event_;
};

}  // namespace aegis::bench
