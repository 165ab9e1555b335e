// Binding an image's import address table.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "driver/host/image/driver_image.hpp"

namespace aegis::host {

// Fills the table from `resolver`. Returns the first import that nobody exports or what is wrong with the directory;
// empty when every import is bound.
std::string bind_imports(std::span<std::byte> image, const PeDirectory& directory, const ImportResolver& resolver);

}  // namespace aegis::host
