// NT's clock: 100 ns since 1601-01-01, UTC.
#pragma once

#include <ntifs.h>

#include <cstdint>

namespace aegis::host {

// Of this machine.
std::int64_t system_time_now();

// The driver sees `timestamp` as the precise system time for one scope of this thread.
class ReplayedTime {
  public:
    explicit ReplayedTime(std::int64_t timestamp);
    ~ReplayedTime();
    ReplayedTime(const ReplayedTime&) = delete;
    ReplayedTime& operator=(const ReplayedTime&) = delete;
};

}  // namespace aegis::host

// Any IRQL. Not in ntifs.h, because mingw's import library lacks it: drivers look it up by name.
extern "C" void NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime);
