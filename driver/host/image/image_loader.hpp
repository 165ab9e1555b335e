// A driver's .sys file, ready to be handed to Executive::load_driver.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "driver/host/image/driver_image.hpp"

namespace aegis::host {

// Reads the file and maps it, bound to what the executive exports. The error names the file.
DriverImageResult load_driver_image(const std::string& path);

// The same from bytes.
DriverImageResult bind_driver_image(std::span<const std::byte> file);

}  // namespace aegis::host
