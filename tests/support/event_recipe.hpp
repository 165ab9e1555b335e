// Events whose every byte follows from their ticket: a reader checks them without asking the producer.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <string>

#include "aegis/ring/event_buffer.hpp"
#include "aegis/ring/producer.hpp"
#include "support/random.hpp"

namespace aegis::test {

class EventRecipe {
  public:
    static constexpr std::size_t kLargestPayload = AEGIS_RING_EVENT_BYTES - sizeof(AEGIS_EVENT_HEADER);

    // Payload sizes lie in [smallest, largest] bytes. Two keys give two unrelated streams.
    constexpr EventRecipe(std::uint64_t key, std::size_t smallest, std::size_t largest)
        : key_(key), smallest_(smallest), span_(largest - smallest + 1) {}

    constexpr std::size_t payload_bytes(ring::Ticket ticket) const { return smallest_ + origin(ticket) % span_; }
    constexpr std::uint16_t type(ring::Ticket ticket) const {
        return static_cast<std::uint16_t>(origin(ticket) >> 48U);
    }
    constexpr std::int64_t timestamp(ring::Ticket ticket) const {
        return static_cast<std::int64_t>(mix(origin(ticket)));
    }

    // Writes payload_bytes(ticket) bytes.
    void fill(ring::Ticket ticket, std::byte* payload) const {
        const std::size_t bytes = payload_bytes(ticket);
        std::uint64_t word = origin(ticket);
        for (std::size_t done = 0; done < bytes; done += sizeof(word)) {
            word += kStep;
            std::memcpy(payload + done, &word, std::min(sizeof(word), bytes - done));
        }
    }

    // Is this, header and all, the event of `ticket`?
    bool matches(const ring::EventBuffer& event, ring::Ticket ticket) const {
        const std::size_t bytes = payload_bytes(ticket);
        const AEGIS_EVENT_HEADER header = event.header();
        if (event.ticket() != ticket || event.size() != sizeof(header) + bytes || header.Size != event.size() ||
            header.Type != type(ticket) || header.Sequence != static_cast<std::uint32_t>(ticket + 1) ||
            header.Timestamp != timestamp(ticket)) {
            return false;
        }
        const auto* payload = static_cast<const std::byte*>(event.payload());
        std::uint64_t word = origin(ticket);
        for (std::size_t done = 0; done < bytes; done += sizeof(word)) {
            word += kStep;
            if (std::memcmp(payload + done, &word, std::min(sizeof(word), bytes - done)) != 0) {
                return false;
            }
        }
        return true;
    }

    // What a failed match looks like.
    std::string describe(const ring::EventBuffer& event, ring::Ticket ticket) const {
        const AEGIS_EVENT_HEADER header = event.header();
        std::ostringstream text;
        text << "expected ticket " << ticket << " with " << payload_bytes(ticket) << " payload bytes, type "
             << type(ticket) << "; got ticket " << event.ticket() << ", size " << event.size() << ", header size "
             << header.Size << ", type " << header.Type << ", sequence " << header.Sequence << ", timestamp "
             << header.Timestamp;
        return text.str();
    }

  private:
    static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15U;

    constexpr std::uint64_t origin(ring::Ticket ticket) const { return mix(key_ ^ ticket); }

    std::uint64_t key_;
    std::size_t smallest_;
    std::size_t span_;
};

// Publishes the recipe's event for the producer's next ticket.
template <class Atomics>
bool publish_next(ring::Producer<Atomics>& producer, const EventRecipe& recipe) {
    std::array<std::byte, EventRecipe::kLargestPayload> payload;
    const ring::Ticket ticket = producer.published();
    recipe.fill(ticket, payload.data());
    return producer.publish(recipe.type(ticket), recipe.timestamp(ticket), payload.data(),
                            recipe.payload_bytes(ticket));
}

template <class Atomics>
void publish_many(ring::Producer<Atomics>& producer, const EventRecipe& recipe, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
        publish_next(producer, recipe);
    }
}

}  // namespace aegis::test
