// What the driver says of itself: a line of debug output, and an ETW event of the provider "Aegis.AegisMon".
//
// A kernel debugger shows the lines; ETW sessions get the events, with names and types, and count those they lose.
#pragma once

#include <cstdint>

#include "nt/literal.hpp"
#include "nt/nt.hpp"

namespace aegis::driver {

// The first step of a load and the last of an unload; without the provider the lines still come. Nothing below is
// called before the one or after the other. IRQL PASSIVE_LEVEL.
void start_diagnostics();
void stop_diagnostics();

// A step of the load ladder that succeeded: an event alone, for whoever follows a load. IRQL <= DISPATCH_LEVEL, as all
// that follow.
void report_step(Literal step);

// A load step that failed, or what the driver does without. Hands its status on.
NTSTATUS failed(Literal step, NTSTATUS status);

// The driver is loaded.
void report_ready(std::uint32_t ring_kib);

// Partial protection: a sensor that cannot start.
void report_missing_sensor(Literal sensor, NTSTATUS status);

// A sensor's altitude was another driver's; it has this one.
void report_altitude(Literal sensor, std::uint32_t altitude);

// A parameter of the service that cannot be read: `status` says why, or is not one that can be taken: STATUS_SUCCESS.
// The ring's size that is used instead.
void report_ignored_parameter(Literal name, NTSTATUS status, std::uint32_t value, std::uint32_t ring_kib);

// A policy is in force, set by that process; one is no more, because its handle was closed; one was not taken.
void report_policy_set(std::uint64_t generation, std::uint32_t process_id);
void report_policy_ended(std::uint64_t generation);
void report_policy_not_taken(std::uint32_t process_id, NTSTATUS status);

// The policy in force refused something to, or about, that process.
void report_refusal(Literal what, std::uint32_t process_id);

// Passthrough: the driver found something of its own broken.
void report_internal_failure(Literal why);

// The driver unloads, and what it published and lost since it was loaded.
void report_unload(std::uint64_t published, std::uint64_t lost);

}  // namespace aegis::driver
