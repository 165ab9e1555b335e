// What the primary token of a process says: whose it is, and how far it is trusted.
#pragma once

#include "aegis/event.h"
#include "nt/nt.hpp"

namespace aegis::driver {

// Puts logon session, session and the user's SID into `told`, with AEGIS_DETAILS_TOKEN_VALID, or none of them; and
// integrity level and elevation, as far as each is known. The SID goes to the beginning of Text. Everything of it was
// zero before. IRQL PASSIVE_LEVEL.
void add_token(PEPROCESS process, AEGIS_PROCESS_DETAILS_PAYLOAD* told);

}  // namespace aegis::driver
