// Base relocations: the addresses that an image holds of itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "driver/host/image/pe_file.hpp"

namespace aegis::host {

// Adds `delta` to every 64-bit address that the directory names. Returns what is wrong with the directory, empty when
// nothing is; the image is useless then.
std::string apply_relocations(std::span<std::byte> image, const PeDirectory& directory, std::uint64_t delta);

}  // namespace aegis::host
