// The messages every contender carries: real events whose every byte follows from their ticket, so that a consumer
// can tell an intact one from a torn, stale or repeated one.
//
// The payload is one of a prime number of prepared patterns, chosen by the ticket. Slot counts are powers of two, so
// an event that overwrites another has another pattern. The header carries the ticket itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "aegis/event.h"
#include "aegis/ring/ring_memory.hpp"

namespace aegis::bench {

using ring::Ticket;

inline constexpr std::size_t kHeaderWords = sizeof(AEGIS_EVENT_HEADER) / sizeof(std::uint64_t);
inline constexpr std::uint16_t kMessageType = AEGIS_EVENT_PROCESS_CREATE;
inline constexpr std::size_t kPatterns = 13;

// Header as the two words it is in memory, little-endian.
constexpr std::uint64_t first_header_word(std::size_t bytes, Ticket ticket) {
    return std::uint64_t{bytes} | std::uint64_t{kMessageType} << 16U |
           std::uint64_t{static_cast<std::uint32_t>(ticket + 1)} << 32U;
}

constexpr std::uint64_t pattern_word(std::size_t pattern, std::size_t word) {
    return (word + 1) * 0x9E3779B97F4A7C15U ^ (pattern + 1) * 0xC2B2AE3D27D4EB4FU;
}

// One message in private memory.
template <std::size_t kBytes>
struct Message {
    static_assert(kBytes % 16 == 0 && kBytes >= 32, "whole vectors, and a payload");
    static constexpr std::size_t kWords = kBytes / sizeof(std::uint64_t);

    Ticket ticket() const { return words[1]; }
    const void* payload() const { return words.data() + kHeaderWords; }
    static constexpr std::size_t kPayloadBytes = kBytes - sizeof(AEGIS_EVENT_HEADER);

    alignas(16) std::array<std::uint64_t, kWords> words;
};

template <std::size_t kBytes>
class MessageSource {
  public:
    MessageSource() {
        for (std::size_t pattern = 0; pattern < kPatterns; ++pattern) {
            for (std::size_t word = kHeaderWords; word < Message<kBytes>::kWords; ++word) {
                patterns_[pattern].words[word] = pattern_word(pattern, word);
            }
        }
        for (Ticket ticket = 0; ticket < kAhead; ++ticket) {
            stamp(ticket);
        }
    }

    // Valid until the call after the next few. Headers are written some calls ahead: a contender that copies the
    // whole message with wide loads would otherwise stall on its narrow, just written header.
    const Message<kBytes>& next() {
        stamp(ticket_ + kAhead);
        return patterns_[ticket_++ % kPatterns];
    }

    Ticket ticket() const { return ticket_; }

  private:
    static constexpr Ticket kAhead = 6;

    void stamp(Ticket ticket) {
        auto& words = patterns_[ticket % kPatterns].words;
        words[0] = first_header_word(kBytes, ticket);
        words[1] = ticket;
    }

    std::array<Message<kBytes>, kPatterns> patterns_;
    Ticket ticket_ = 0;
};

template <std::size_t kBytes>
class MessageCheck {
  public:
    MessageCheck() {
        for (std::size_t pattern = 0; pattern < kPatterns; ++pattern) {
            for (std::size_t word = 0; word < kPayloadWords; ++word) {
                patterns_[pattern][word] = pattern_word(pattern, word + kHeaderWords);
            }
        }
    }

    // `words` is a private copy of kBytes bytes, 8-byte aligned.
    bool intact(Ticket ticket, const std::uint64_t* words) const {
        const auto& pattern = patterns_[ticket % kPatterns];
        const std::uint64_t* payload = words + kHeaderWords;
        std::uint64_t even = words[0] ^ first_header_word(kBytes, ticket);
        std::uint64_t odd = words[1] ^ ticket;
        for (std::size_t word = 0; word < kPayloadWords; word += 2) {
            even |= payload[word] ^ pattern[word];
            odd |= payload[word + 1] ^ pattern[word + 1];
        }
        return (even | odd) == 0;
    }

  private:
    static constexpr std::size_t kPayloadWords = Message<kBytes>::kWords - kHeaderWords;

    std::array<std::array<std::uint64_t, kPayloadWords>, kPatterns> patterns_;
};

}  // namespace aegis::bench
