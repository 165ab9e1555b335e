#include "sensors/sensor_table.hpp"

#include <cstddef>

#include "diagnostics/diagnostics.hpp"
#include "sensors/handle_sensor.hpp"
#include "sensors/image_sensor.hpp"
#include "sensors/process_key.hpp"
#include "sensors/process_sensor.hpp"
#include "sensors/registry_sensor.hpp"
#include "sensors/thread_sensor.hpp"

namespace aegis::driver {
namespace {

constexpr const Sensor* kSensors[] = {
    &kProcessSensor,
    &kThreadSensor,  // behind the process sensor: that one tells it which thread is the first
    &kImageSensor,   &kHandleSensor, &kRegistrySensor,
};

// The transport has a row of its own in the query reply.
static_assert(std::size(kSensors) + 1 <= AEGIS_MAX_CALLBACKS);
static_assert(AEGIS_MAX_CALLBACKS <= 32, "SensorTable has a bit for each");

constexpr std::uint32_t bit(std::size_t index) {
    return 1U << index;
}

}  // namespace

std::span<const Sensor* const> all_sensors() {
    return kSensors;
}

void SensorTable::start(std::span<const Sensor* const> sensors, const SensorContext& context) {
    sensors_ = sensors;
    policies_ = context.policies;
    find_process_keys();
    for (std::size_t i = 0; i < sensors_.size(); ++i) {
        const Sensor& sensor = *sensors_.data()[i];
        sensor.health->reset();
        const NTSTATUS status = sensor.start(context);
        if (NT_SUCCESS(status)) {
            started_ |= bit(i);
        } else {
            report_missing_sensor(sensor.name, status);
        }
    }
}

void SensorTable::stop() {
    for (std::size_t i = sensors_.size(); i-- != 0;) {
        const Sensor& sensor = *sensors_.data()[i];
        if ((started_ & bit(i)) != 0) {
            sensor.stop();
            sensor.health->unregistered();
        }
    }
    started_ = 0;
}

AEGIS_CALLBACK_HEALTH* SensorTable::describe(AEGIS_CALLBACK_HEALTH* rows) const {
    for (const Sensor* sensor : sensors_) {
        sensor->health->describe(sensor->kind, rows);
        const std::uint64_t off = policies_->counted_off(sensor->types);
        rows->Filtered += off;
        rows->Seen += off;
        ++rows;
    }
    return rows;
}

CallbackHealth* SensorTable::health_of(std::uint32_t kind) const {
    for (const Sensor* sensor : sensors_) {
        if (sensor->kind == kind) {
            return sensor->health;
        }
    }
    return nullptr;
}

}  // namespace aegis::driver
