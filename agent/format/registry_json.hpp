// A registry event in the Elastic Common Schema.
#pragma once

#include <string_view>

#include "aegis/event.h"
#include "agent/events/lines.hpp"

namespace aegis::agent {

// The members of `event` that are the same for all of its kind, in `scratch`.
std::string_view registry_event_fields(const AEGIS_REGISTRY_PAYLOAD& change, Lines& scratch);

// The members of `registry`.
void append_registry_fields(const AEGIS_REGISTRY_PAYLOAD& change, Lines& lines);

// The members of `aegis.registry`: what the schema has no place for.
void append_aegis_registry_fields(const AEGIS_REGISTRY_PAYLOAD& change, Lines& lines);

}  // namespace aegis::agent
