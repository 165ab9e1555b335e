#include "agent/client/loss.hpp"

#include <algorithm>
#include <iterator>

namespace aegis::agent {
namespace {

struct Words {
    std::string_view name;
    std::string_view description;
};

constexpr Words words_of(LossReason reason) {
    switch (reason) {
        case LossReason::kOversize:
            return {"oversize", "larger than the ring takes"};
        case LossReason::kClosing:
            return {"closing", "seen while the driver was closing"};
        case LossReason::kFailed:
            return {"failed", "seen after the driver found itself broken"};
        case LossReason::kSource:
            return {"source", "lost by their source before the driver saw them"};
        case LossReason::kOverwritten:
            break;
    }
    return {"overwritten", "overwritten before they were read"};
}

}  // namespace

std::string_view name_of(LossReason reason) {
    return words_of(reason).name;
}

std::string_view describe(LossReason reason) {
    return words_of(reason).description;
}

LossCounters loss_counters(const ring::RingMemory<>& memory) {
    LossCounters counters;
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        counters[reason] = memory.load_lost_before(reason);
    }
    return counters;
}

LossCounters loss_counters(const AEGIS_QUERY_REPLY& reply) {
    LossCounters counters;
    std::copy(std::begin(reply.LostBefore), std::end(reply.LostBefore), counters.begin());
    return counters;
}

}  // namespace aegis::agent
