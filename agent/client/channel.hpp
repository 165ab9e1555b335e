// The open way to the driver: a device handle whose versions fit and, where it can be mapped, the ring.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "aegis/ioctl.h"
#include "aegis/ring/doorbell.hpp"
#include "aegis/ring/region.hpp"
#include "agent/config/options.hpp"
#include "agent/format/ndjson_formatter.hpp"
#include "agent/port/port.hpp"

namespace aegis::agent {

struct MappedRing {
    ring::RingMemory<> memory;
    AEGIS_CONSUMER_PAGE* page = nullptr;

    ring::DoorbellListener<> listener() const;
};

struct Channel {
    std::unique_ptr<Device> device;
    AEGIS_QUERY_REPLY at_open = {};  // before any event was read
    std::optional<MappedRing> ring;  // none: read by pull
    SessionId session = {};
};

// Asks the driver for its counters and checks that it answers in this agent's version.
std::optional<Failure> query_driver(Device& device, std::chrono::nanoseconds limit, AEGIS_QUERY_REPLY& reply);

// The driver's failure to answer a request, `name`, within `limit`.
Failure no_answer(const Device& device, std::string_view name, const IoResult& result, std::chrono::nanoseconds limit);

// Opens the device, checks versions and, unless pull is asked for, maps the ring, all within the time that the options
// leave for it. When that cannot be done it says
// why on `log` and leaves `channel.ring` empty. A failure leaves `channel.device` to be closed, if there is one.
std::optional<Failure> open_channel(Port& port, Log& log, const Options& options, Channel& channel);

}  // namespace aegis::agent
