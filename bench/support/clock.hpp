// Time as the benchmarks take it. Linux only.
#pragma once

#include <cstdint>

namespace aegis::bench {

using Nanoseconds = std::int64_t;

inline constexpr Nanoseconds kMicrosecond = 1'000;
inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;

// Monotonic; the same for every core.
Nanoseconds now();

// CPU time of the calling thread, kernel part included.
Nanoseconds thread_cpu_time();

// CPU time of the whole process.
Nanoseconds process_cpu_time();

constexpr double to_seconds(Nanoseconds time) {
    return static_cast<double>(time) / static_cast<double>(kSecond);
}

}  // namespace aegis::bench
