// The registry sensor: keys and values that are created, set, renamed and deleted, and what is refused of that.
#pragma once

#include "sensors/sensor.hpp"

namespace aegis::driver {

// Registers with the configuration manager at the first altitude of its range that is free. Systems that name no keys
// are told of without their paths.
extern const Sensor kRegistrySensor;

}  // namespace aegis::driver
