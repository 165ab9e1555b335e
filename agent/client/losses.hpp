// What the driver counts of events that never had a sequence.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "aegis/ioctl.h"
#include "aegis/ring/ring_memory.hpp"

namespace aegis::client {

// By AEGIS_LOST_… reason.
using LossCounters = std::array<std::uint64_t, AEGIS_LOST_REASONS>;

inline LossCounters loss_counters(const ring::RingMemory<>& memory) {
    LossCounters counters;
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        counters[reason] = memory.load_lost_before(reason);
    }
    return counters;
}

inline LossCounters loss_counters(const AEGIS_QUERY_REPLY& reply) {
    LossCounters counters;
    std::copy(std::begin(reply.LostBefore), std::end(reply.LostBefore), counters.begin());
    return counters;
}

}  // namespace aegis::client
