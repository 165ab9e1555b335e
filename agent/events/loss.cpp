#include "agent/events/loss.hpp"

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

LostEvents lost_events(const aegis_item& item) {
    if (item.reason == AEGIS_LOST_OVERWRITTEN) {
        return LostEvents::overwritten(item.sequence, item.last);
    }
    return {static_cast<LossReason>(item.reason), item.count};
}

}  // namespace aegis::agent
