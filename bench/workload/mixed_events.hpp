// Events of every type in the proportions of a busy machine, as the driver's sensors lay them out.
#pragma once

#include <cstdint>
#include <vector>

#include "aegis/event.h"

namespace aegis::workload {

struct MixedEvent {
    std::uint16_t type;  // AEGIS_EVENT_…
    std::vector<std::uint64_t> payload;
    std::uint16_t payload_bytes;
};

// A thousand, in an order that repeats: threads, images and handles most, processes least, each process with its
// details. The proportions are made up, after what sensors on machines that build and test software report.
std::vector<MixedEvent> mixed_events();

}  // namespace aegis::workload
