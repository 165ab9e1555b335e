// The request that protects this process.
#pragma once

#include <chrono>
#include <optional>

#include "agent/client/device.hpp"

namespace aegis::client {

// As aegis_protect.
std::optional<Error> protect(Device& device, std::chrono::nanoseconds limit);

}  // namespace aegis::client
