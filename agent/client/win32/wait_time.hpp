// Times as the wait functions of Windows take them.
#pragma once

#include <windows.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "agent/client/device.hpp"

namespace aegis::client {

// Rounded up, so that a wait never ends early; none is INFINITE.
inline DWORD wait_milliseconds(Timeout timeout) {
    if (!timeout) {
        return INFINITE;
    }
    // The longest that is not INFINITE; who waits that long looks at its deadline again.
    constexpr std::int64_t kLongest = INFINITE - 1;
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(*timeout).count();
    return static_cast<DWORD>(std::clamp<std::int64_t>(milliseconds, 0, kLongest));
}

}  // namespace aegis::client
