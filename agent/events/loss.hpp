// A loss: events that no reader of this agent will ever see, and why.
#pragma once

#include <cstdint>
#include <string_view>

#include "aegis/client.h"

namespace aegis::agent {

// The first ones are the driver's AEGIS_LOST_… numbers: its counters are indexed by them.
enum class LossReason : std::uint8_t {
    kOversize = AEGIS_LOST_OVERSIZE,
    kClosing = AEGIS_LOST_CLOSING,
    kFailed = AEGIS_LOST_FAILED,
    kSource = AEGIS_LOST_SOURCE,
    kOverwritten = AEGIS_LOST_REASONS,  // in the ring, before this agent had read them: a gap in the sequence
};

// One word, for programs.
std::string_view name_of(LossReason reason);

// What happened to the events, for a sentence.
std::string_view describe(LossReason reason);

struct LostEvents {
    LossReason reason = LossReason::kOverwritten;
    std::uint64_t count = 0;
    // Only of those overwritten: 64-bit sequences, both ends included. Others never had one.
    std::uint64_t first = 0;
    std::uint64_t last = 0;

    static LostEvents overwritten(std::uint64_t first, std::uint64_t last) {
        return {LossReason::kOverwritten, last - first + 1, first, last};
    }
};

// `item` is AEGIS_ITEM_LOSS.
LostEvents lost_events(const aegis_item& item);

}  // namespace aegis::agent
