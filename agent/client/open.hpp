// What aegis_open does, apart from where the device comes from.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "aegis/client.h"
#include "agent/client/device.hpp"

namespace aegis::client {

// As open_device.
using DeviceOpener = std::function<std::optional<Error>(const DeviceChoice& choice, const OpenLimit& limit,
                                                        std::unique_ptr<Device>& device)>;

// As aegis_open, over a device that `open_device` opens.
std::int32_t open_client(const aegis_options* options, const DeviceOpener& open_device, aegis_client** client) noexcept;

}  // namespace aegis::client
