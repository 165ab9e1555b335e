// Entry points of the I/O manager.
#pragma once

#include "nt/nt.hpp"

namespace aegis::driver {

// Fills every slot of the dispatch table: unhandled requests get STATUS_INVALID_DEVICE_REQUEST. IRQL PASSIVE_LEVEL.
void fill_dispatch_table(PDRIVER_OBJECT driver);

}  // namespace aegis::driver
