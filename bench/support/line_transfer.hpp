// How far apart the two cores are right now: the time one cache line takes from one to the other.
//
// On a virtual machine this is no constant. The host moves virtual cores about, and between a near and a far
// placement throughput differs several times. Every sample is therefore taken between two of these probes, and
// numbers of different regimes never meet in one figure.
#pragma once

#include <cstdint>

#include "support/core_pair.hpp"

namespace aegis::bench {

enum class Regime : std::uint8_t {
    kNear,
    kFar,
};

inline constexpr double kFarFromNanoseconds = 100.0;

constexpr Regime regime_of(double transfer_ns) {
    return transfer_ns < kFarFromNanoseconds ? Regime::kNear : Regime::kFar;
}

constexpr const char* name_of(Regime regime) {
    return regime == Regime::kNear ? "near" : "far";
}

// One way, in nanoseconds: half the median round trip of a line that both sides write in turn, each polling it without
// pause while it is the other's turn. Takes less than a millisecond.
double line_transfer_ns(CorePair& cores);

}  // namespace aegis::bench
