// What tells one load of the driver from every other.
#pragma once

#include "nt/nt.hpp"

namespace aegis::driver {

// A new id. NT may not be ready to make one, early after it started: then it is asked again, for a fifth of a second at
// most, and what it says in the end is returned. An id that is unique on this computer only is enough.
// IRQL PASSIVE_LEVEL.
NTSTATUS create_session_id(UUID* session);

}  // namespace aegis::driver
