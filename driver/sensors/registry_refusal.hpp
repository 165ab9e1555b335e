// What the driver refuses of the registry: what the policy in force names, and, as long as there is one, changes to
// this project's own services.
#pragma once

#include <cstdint>

#include "sensors/registry_event.hpp"
#include "sensors/sensor.hpp"

namespace aegis::driver {

// Loads run in the system process. Before the callback is registered. IRQL PASSIVE_LEVEL.
void find_system_process();

// Whether anything could be refused to this thread: a policy is in force, and who asks is neither in kernel mode nor
// the system process. A driver that does not trust itself refuses nothing. IRQL <= APC_LEVEL.
bool may_refuse_caller(const SensorContext& context);

// What a policy is asked about. Any IRQL.
Subject registry_subject(const RegistryCall& call, std::uint32_t process_id, PathText key, std::int64_t time);

// Whether the call, which is no create, is to be refused; its event is published then, and counted. Only after
// may_refuse_caller(). IRQL <= APC_LEVEL.
bool refuse_call(const SensorContext& context, CallbackHealth* health, const RegistryCall& call, PathText key);

// The same of a create, which is nothing but an open where the key is there already: that is let through.
bool refuse_create(const SensorContext& context, CallbackHealth* health, const RegistryCall& call,
                   const JoinedText& key);

}  // namespace aegis::driver
