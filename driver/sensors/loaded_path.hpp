// The path of an image event: whole where it fits, without its middle where it does not.
#pragma once

#include <cstddef>

#include "aegis/event.h"
#include "nt/nt.hpp"

namespace aegis::driver {

// Copies `path` (null, or without a buffer: there is none) into `payload`, whose fixed part is zero, and its lengths.
// Returns how many bytes of Path the compact form carries; what is behind them stays as it was.
// The path's length is authoritative, it has no terminator, and it may be pageable. IRQL PASSIVE_LEVEL.
std::size_t copy_loaded_path(const UNICODE_STRING* path, AEGIS_IMAGE_PAYLOAD* payload);

}  // namespace aegis::driver
