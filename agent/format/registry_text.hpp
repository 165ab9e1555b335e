// A registry event in a line of text.
#pragma once

#include <string_view>

#include "aegis/event.h"
#include "agent/events/lines.hpp"

namespace aegis::agent {

// " REGISTRY-SET", or what else was done.
std::string_view registry_word(const AEGIS_REGISTRY_PAYLOAD& change);

// What stands behind the process: the key, the value or the key's new name in quotes, the data and the marks.
void append_registry_text(const AEGIS_REGISTRY_PAYLOAD& change, Lines& lines);

}  // namespace aegis::agent
