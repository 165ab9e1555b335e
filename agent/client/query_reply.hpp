// The reply to a query, of whichever release of this control version, in the layout that this one has.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "aegis/ioctl.h"

namespace aegis::client {

// Copies what this release knows of `reply`, and leaves zero what an older driver does not say. A reply that breaks the
// rules of AEGIS_QUERY_REPLY is not read: what is wrong with it then. Its version was checked before.
std::optional<std::string> read_query_reply(std::span<const std::byte> reply, AEGIS_QUERY_REPLY& known);

}  // namespace aegis::client
