// FNV-1a, 64 bits, over folded UTF-16 units: grows by a unit at a time, so that one walk along a path gives the hash of
// every folder on it.
#pragma once

#include <cstdint>

namespace aegis::driver {

inline constexpr std::uint64_t kPathHashOfNothing = 0xCBF29CE484222325;

// Any IRQL.
inline std::uint64_t path_hash(std::uint64_t before, std::uint16_t unit) {
    return (before ^ unit) * 0x100000001B3;
}

}  // namespace aegis::driver
