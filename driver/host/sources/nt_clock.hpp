// Conversion of Linux clocks to NT time.
#pragma once

#include <cstdint>

#include "driver/host/sources/activity_source.hpp"

namespace aegis::host::sources {

inline constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
inline constexpr std::int64_t kNanosecondsPerTick = 100;  // of NT's time

// Now, of a Linux clock, in nanoseconds.
std::int64_t clock_nanoseconds(int clock_id);

// The time of an instant that `clock_id` (CLOCK_MONOTONIC, CLOCK_BOOTTIME) showed as `nanoseconds`. The two
// clocks' distance is taken at the call, so a step of the wall clock between the instant and the call
// moves the result.
NtTime nt_time_of(int clock_id, std::int64_t nanoseconds);

NtTime nt_now();

}  // namespace aegis::host::sources
