// The image sensor: every program, library and driver that is mapped to be run.
#pragma once

#include "sensors/sensor.hpp"

namespace aegis::driver {

// Registers for images of every architecture, or, where there is no such notification, for those of the system's
// own; health tells which.
extern const Sensor kImageSensor;

}  // namespace aegis::driver
