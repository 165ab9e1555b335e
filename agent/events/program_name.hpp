// The name of a program or library: the last component of its path.
#pragma once

#include <string_view>

#include "agent/events/decode.hpp"

namespace aegis::agent {

// `path` is the path of `event`, a process start or an image, in UTF-8, as the driver named it or translated. Empty
// when there is none, and when the path was cut in the middle of the name: a piece of a name is none.
std::string_view program_name(const Event& event, std::string_view path);

}  // namespace aegis::agent
