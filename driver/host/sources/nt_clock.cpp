#include "driver/host/sources/nt_clock.hpp"

#include <ctime>

namespace aegis::host::sources {
namespace {

// Ticks from 1601-01-01 to 1970-01-01: 369 years with 89 leap days.
constexpr std::int64_t kUnixEpoch = (369LL * 365 + 89) * 24 * 60 * 60 * (kNanosecondsPerSecond / kNanosecondsPerTick);

}  // namespace

std::int64_t clock_nanoseconds(int clock_id) {
    timespec now{};
    clock_gettime(clock_id, &now);
    return now.tv_sec * kNanosecondsPerSecond + now.tv_nsec;
}

NtTime nt_time_of(int clock_id, std::int64_t nanoseconds) {
    const std::int64_t wall = clock_nanoseconds(CLOCK_REALTIME);
    const std::int64_t age = clock_nanoseconds(clock_id) - nanoseconds;
    return kUnixEpoch + (wall - age) / kNanosecondsPerTick;
}

NtTime nt_now() {
    return kUnixEpoch + clock_nanoseconds(CLOCK_REALTIME) / kNanosecondsPerTick;
}

}  // namespace aegis::host::sources
