// The handle sensor: who opens which process or thread, with which rights; and what protects some of them.
//
// Before a handle is made, rights that would hurt a protected process are taken out of it; behind that its event says
// what was asked for and what was granted. Handles of the kernel are neither seen nor touched, and what a process does
// to itself is no event.
#pragma once

#include "sensors/sensor.hpp"

namespace aegis::driver {

// Registers with the first altitude from 385000 on that nobody has taken. Without it no process can be protected.
extern const Sensor kHandleSensor;

}  // namespace aegis::driver
