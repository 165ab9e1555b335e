// Items as they are handed out, and the losses that wait for it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "agent/client/stream.hpp"

namespace aegis::client {

inline aegis_item event_item(std::uint64_t sequence, std::span<const std::byte> event) {
    return {.size = sizeof(aegis_item),
            .kind = AEGIS_ITEM_EVENT,
            .sequence = sequence,
            .last = sequence,
            .count = 1,
            .reason = 0,
            .bytes = static_cast<std::uint32_t>(event.size()),
            .data = event.data()};
}

// Both ends included.
inline aegis_item overwritten_item(std::uint64_t first, std::uint64_t last) {
    return {.size = sizeof(aegis_item),
            .kind = AEGIS_ITEM_LOSS,
            .sequence = first,
            .last = last,
            .count = last - first + 1,
            .reason = AEGIS_LOST_OVERWRITTEN,
            .bytes = 0,
            .data = nullptr};
}

// What one reader has taken of the driver's losses and not handed out yet. Its stream outlives it.
class UntoldLosses {
  public:
    explicit UntoldLosses(Stream& stream) : stream_(&stream) {}
    ~UntoldLosses() {
        for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
            stream_->losses().give_back(reason, untold_[reason]);
        }
    }
    UntoldLosses(const UntoldLosses&) = delete;
    UntoldLosses& operator=(const UntoldLosses&) = delete;

    // By how much `now` has grown since anybody took it before. True when there is something to tell.
    bool take(const LossCounters& now) {
        const LossCounters grown = stream_->losses().take(now);
        for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
            untold_[reason] += grown[reason];
            waiting_ = waiting_ || grown[reason] != 0;
        }
        return waiting_;
    }

    bool waiting() const { return waiting_; }

    // The next one, counted as told. Only while waiting().
    aegis_item next(Counters& counters) {
        unsigned reason = 0;
        while (untold_[reason] == 0) {
            ++reason;
        }
        const std::uint64_t count = untold_[reason];
        untold_[reason] = 0;
        waiting_ = false;
        for (const std::uint64_t other : untold_) {
            waiting_ = waiting_ || other != 0;
        }
        Counters::add(counters.lost_before[reason], count);
        return {.size = sizeof(aegis_item),
                .kind = AEGIS_ITEM_LOSS,
                .sequence = 0,
                .last = 0,
                .count = count,
                .reason = reason,
                .bytes = 0,
                .data = nullptr};
    }

  private:
    Stream* stream_;
    LossCounters untold_{};
    bool waiting_ = false;
};

// Hands out those that wait. Returns how many.
inline std::int32_t tell_losses(const Visitor& visitor, UntoldLosses& losses, Counters& counters) {
    std::int32_t told = 0;
    for (bool more = true; more && losses.waiting(); ++told) {
        more = visitor.wants_more(losses.next(counters));
    }
    return told;
}

}  // namespace aegis::client
