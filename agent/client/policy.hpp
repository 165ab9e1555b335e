// The requests about the policy.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

#include "aegis/policy.h"
#include "agent/client/device.hpp"

namespace aegis::client {

// As aegis_set_policy.
std::optional<Error> set_policy(Device& device, std::span<const std::byte> blob, std::chrono::nanoseconds limit,
                                AEGIS_SET_POLICY_REPLY& reply);

// As aegis_get_policy.
std::optional<Error> get_policy(Device& device, std::chrono::nanoseconds limit, AEGIS_GET_POLICY_REPLY& reply);

}  // namespace aegis::client
