#include "support/clock.hpp"

#include <ctime>

namespace aegis::bench {
namespace {

Nanoseconds read_clock(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return Nanoseconds{time.tv_sec} * kSecond + time.tv_nsec;
}

}  // namespace

Nanoseconds now() {
    return read_clock(CLOCK_MONOTONIC);
}

Nanoseconds thread_cpu_time() {
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

Nanoseconds process_cpu_time() {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

}  // namespace aegis::bench
