// The driver's state: one instance, because NT loads a driver once and gives its callbacks no context.
#pragma once

#include "channel/ring_channel.hpp"
#include "consumers/handle_table.hpp"
#include "control/device.hpp"
#include "nt/system_clock.hpp"
#include "policy/policy_store.hpp"
#include "sensors/sensor_table.hpp"

namespace aegis::driver {

struct Driver {
    SystemClock clock;
    RingChannel channel;
    PolicyStore policies;
    HandleTable handles;
    SensorTable sensors;
    ControlDevice device;
};

// Filled by the load ladder, emptied by unload; in between constant but for what its members protect themselves.
Driver& the_driver();

}  // namespace aegis::driver
