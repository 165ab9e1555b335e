#include "driver/host/executive/system_time.hpp"

#include <ctime>

#include "driver/host/executive/sync/thread_state.hpp"

namespace aegis::host {
namespace {

constexpr std::int64_t kTicksPerSecond = 10'000'000;
constexpr std::int64_t kNanosecondsPerTick = 100;
constexpr std::int64_t kSecondsFrom1601To1970 = 11'644'473'600;

}  // namespace

std::int64_t system_time_now() {
    std::timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return (now.tv_sec + kSecondsFrom1601To1970) * kTicksPerSecond + now.tv_nsec / kNanosecondsPerTick;
}

ReplayedTime::ReplayedTime(std::int64_t timestamp) {
    this_thread().replayed_time = timestamp;
}

ReplayedTime::~ReplayedTime() {
    this_thread().replayed_time.reset();
}

}  // namespace aegis::host

extern "C" void NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime) {
    const auto& replayed = aegis::host::this_thread().replayed_time;
    CurrentTime->QuadPart = replayed ? *replayed : aegis::host::system_time_now();
}

extern "C" void NTAPI KeQuerySystemTime(PLARGE_INTEGER CurrentTime) {
    KeQuerySystemTimePrecise(CurrentTime);
}
