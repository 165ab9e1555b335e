// The members of a handle event's document that only handle events have, in the Elastic Common Schema.
#pragma once

#include <string_view>

#include "aegis/event.h"
#include "agent/events/lines.hpp"

namespace aegis::agent {

// Of `event`: kind, category, type, action, outcome, code.
std::string_view handle_event_fields(const AEGIS_HANDLE_PAYLOAD& handle);

// aegis.handle, whole.
void append_handle_fields(const AEGIS_HANDLE_PAYLOAD& handle, Lines& lines);

}  // namespace aegis::agent
