// The process sensor: every process start and exit, from the kernel's own notification.
#pragma once

#include "sensors/sensor.hpp"

namespace aegis::driver {

// Registers for the notifications of processes of every subsystem, or, where the system has none of those, of Windows'
// own; health tells which. Windows may refuse (an image without forced integrity, say).
extern const Sensor kProcessSensor;

}  // namespace aegis::driver
