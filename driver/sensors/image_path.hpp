// The image path of a process event: whole where it fits, without its middle where it does not.
#pragma once

#include <cstddef>

#include "aegis/event.h"
#include "nt/nt.hpp"

namespace aegis::driver {

// Copies `path` (null: there is none) into `payload`, whose fixed part is zero, and describes it there. `vouched`:
// Windows says that it is the exact open name. Returns how many bytes of ImagePath the compact form carries; what is
// behind them stays as it was.
// The path's length is authoritative, it has no terminator, and it may be pageable, which is why this happens before
// the publish lock raises the IRQL. IRQL PASSIVE_LEVEL.
std::size_t copy_image_path(PCUNICODE_STRING path, bool vouched, AEGIS_PROCESS_PAYLOAD* payload);

}  // namespace aegis::driver
