// What is known of a process beside its start and its end: AEGIS_EVENT_PROCESS_DETAILS, right before either.
//
// What a system cannot tell is left out and its flag cleared; nothing here fails. The events are not counted in the row
// of the process sensor: a start or an end is one thing seen, however many events tell of it.
#pragma once

#include <cstdint>

#include "nt/nt.hpp"
#include "sensors/sensor.hpp"

namespace aegis::driver {

// Looks up what this system can tell. Before the process sensor registers. IRQL PASSIVE_LEVEL.
void find_process_details();

// Of a process that is being created: as many events as its command line takes. `time` is that of the start.
// IRQL PASSIVE_LEVEL: command line and token are pageable.
void publish_start_details(const SensorContext& context, PEPROCESS process, std::uint32_t process_id,
                           const PS_CREATE_NOTIFY_INFO& info, std::int64_t time);

// Of a process that ends: one event. `time` is that of the end. IRQL PASSIVE_LEVEL.
void publish_exit_details(const SensorContext& context, PEPROCESS process, std::uint32_t process_id, std::int64_t time);

}  // namespace aegis::driver
