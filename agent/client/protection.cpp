#include "agent/client/protection.hpp"

#include <span>

#include "aegis/ioctl.h"
#include "agent/client/channel.hpp"

namespace aegis::client {

std::optional<Error> protect(Device& device, std::chrono::nanoseconds limit) {
    AEGIS_PROTECT_REQUEST request = {};
    request.Header = {AEGIS_CONTROL_VERSION, sizeof(request)};
    const IoResult result = device.control(AEGIS_IOCTL_PROTECT, std::as_bytes(std::span(&request, 1)), {}, limit);
    if (result.status != IoStatus::kOk) {
        return control_failure(device, "IOCTL_AEGIS_PROTECT", result, limit);
    }
    return std::nullopt;
}

}  // namespace aegis::client
