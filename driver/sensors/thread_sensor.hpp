// The thread sensor: every thread's start and end, who made it, and where it begins to run.
#pragma once

#include "sensors/sensor.hpp"

namespace aegis::driver {

// Registers for the threads of every subsystem, or, where the system has no notifications of those, of Windows' own;
// health tells which. Starts after the process sensor, which says which thread of a process is the first.
extern const Sensor kThreadSensor;

}  // namespace aegis::driver
