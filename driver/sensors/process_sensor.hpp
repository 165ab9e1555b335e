// The process sensor: every process start and exit, from the kernel's own notification.
//
// A sensor is a start/stop pair and one line in the load ladder (driver_entry.cpp); it knows the channel it
// publishes into and nothing of what is behind it.
#pragma once

#include "channel/ring_channel.hpp"
#include "nt/system_clock.hpp"
#include "sensors/callback_health.hpp"

namespace aegis::driver {

// Registers for the notifications of processes of every subsystem, or, where the system has none of those, of Windows'
// own; health tells which. When Windows refuses (an image without forced integrity, say) the driver
// goes on without this sensor, and health tells so. `channel` and `clock` outlive the sensor. IRQL PASSIVE_LEVEL.
NTSTATUS start_process_sensor(RingChannel& channel, const SystemClock& clock);

// After it returns, no callback is under way and none will come. Harmless when the sensor did not start.
// IRQL PASSIVE_LEVEL.
void stop_process_sensor();

const CallbackHealth& process_sensor_health();

}  // namespace aegis::driver
