#include "driver/host/executive/sync/wait_hub.hpp"

#include <array>
#include <cstdint>

namespace aegis::host {

WaitBucket& wait_bucket(const volatile void* object) {
    static std::array<WaitBucket, 64> buckets;
    // Dispatcher objects are at least 8 bytes apart; the multiplier spreads neighbours.
    const std::uint64_t key = reinterpret_cast<std::uintptr_t>(object) / 8 * 0x9E3779B97F4A7C15U;
    return buckets[key >> 58];
}

}  // namespace aegis::host
