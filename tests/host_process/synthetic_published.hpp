// What the driver publishes of invented activity: each process event has its details beside it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "aegis/event.h"
#include "driver/host/sources/synthetic_generator.hpp"

namespace aegis::test {

// Of the first `count` events of a seed, which are all about processes.
inline std::uint64_t published_of_synthetic(std::uint64_t count, std::uint64_t seed = 1) {
    constexpr std::size_t kSidUnits = 8;  // S-1-22-1-N
    host::sources::SyntheticGenerator generator(seed);
    std::uint64_t published = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::size_t units = kSidUnits + generator.next().command_line.size();
        const std::size_t parts = (units + AEGIS_DETAILS_TEXT_REPORTED - 1) / AEGIS_DETAILS_TEXT_REPORTED;
        published += 1 + parts;
    }
    return published;
}

}  // namespace aegis::test
