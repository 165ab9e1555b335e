// KeDelayExecutionThread.
#include <ntifs.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/system_time.hpp"

extern "C" NTSTATUS NTAPI KeDelayExecutionThread(KPROCESSOR_MODE, BOOLEAN, PLARGE_INTEGER Interval) {
    using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;
    aegis::host::require_irql(APC_LEVEL, "KeDelayExecutionThread");
    // Negative: from now on; otherwise the time of day.
    const std::int64_t interval = Interval->QuadPart;
    const std::int64_t ticks = interval < 0 ? -interval : interval - aegis::host::system_time_now();
    std::this_thread::sleep_for(Ticks(std::max<std::int64_t>(ticks, 0)));
    return STATUS_SUCCESS;
}
