// A driver's .sys file, ready to be handed to Executive::load_driver.
#pragma once

#include <string>

#include "driver/host/image/driver_image.hpp"

namespace aegis::host {

// Reads the file and maps it, bound to what the executive exports. The error names the file.
DriverImageResult load_driver_image(const std::string& path);

}  // namespace aegis::host
