// The sensors, and the walks over them: load, unload and the query reply name none.
#pragma once

#include <cstdint>
#include <span>

#include "aegis/ioctl.h"
#include "sensors/sensor.hpp"

namespace aegis::driver {

// Every sensor of this driver, in the order in which they start.
std::span<const Sensor* const> all_sensors();

// The sensors of one load. Load and unload are the I/O manager's, one after the other; so nothing here needs a lock.
class SensorTable {
  public:
    // Starts each. One that cannot start leaves the driver running without it: the debug output and its row of the
    // query reply say which, and why. IRQL PASSIVE_LEVEL.
    void start(std::span<const Sensor* const> sensors, const SensorContext& context);

    // Stops those that started, the last one first. IRQL PASSIVE_LEVEL.
    void stop();

    // Fills a row for each, whether it started or not. Returns the place behind the last. Any IRQL.
    AEGIS_CALLBACK_HEALTH* describe(AEGIS_CALLBACK_HEALTH* rows) const;

    // Null where none is of this kind (AEGIS_CALLBACK_…). Any IRQL.
    CallbackHealth* health_of(std::uint32_t kind) const;

  private:
    std::span<const Sensor* const> sensors_;
    const PolicyStore* policies_ = nullptr;
    std::uint32_t started_ = 0;  // a bit for each
};

}  // namespace aegis::driver
