// aegis_options, checked, with its defaults filled in.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/client/device.hpp"
#include "agent/client/stream.hpp"

namespace aegis::client {

struct Settings {
    DeviceChoice device;
    std::uint32_t transport = AEGIS_TRANSPORT_AUTO;
    std::chrono::nanoseconds request_limit{};
    std::optional<std::chrono::nanoseconds> open_limit;
    ReadingOptions reading;
};

// `options` may be null: all defaults. The error says which field makes no sense, and what would.
std::optional<Error> read_options(const aegis_options* options, Settings& settings);

}  // namespace aegis::client
