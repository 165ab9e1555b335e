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
#include "agent/client/device.hpp"

namespace aegis::client {

struct MappedRing {
    ring::RingMemory<> memory;
    AEGIS_CONSUMER_PAGE* page = nullptr;

    ring::DoorbellListener<> listener() const;
};

struct Channel {
    std::unique_ptr<Device> device;
    AEGIS_QUERY_REPLY at_open = {};  // before any event was read
    std::optional<MappedRing> ring;  // none: read by pull, or not at all
    std::string not_ring;            // why there is none, where one was wanted
    std::string not_watched;         // why nobody will notice that the driver is stopped; empty: somebody will
};

// Asks the driver for its counters and checks that it answers in this library's version.
std::optional<Error> query_driver(Device& device, std::chrono::nanoseconds limit, AEGIS_QUERY_REPLY& reply);

// What went wrong with an IOCTL, `name`, in the words of every message about one.
Error control_failure(const Device& device, std::string_view name, const IoResult& result,
                      std::chrono::nanoseconds limit);

// The driver's failure to answer a request, `name`, within `limit`.
Error no_answer(const Device& device, std::string_view name, const IoResult& result, std::chrono::nanoseconds limit);

// Given channel.device: checks versions and, as `transport` (AEGIS_TRANSPORT_…) has it, maps the ring, all within
// `limit`. Where that is not possible and need not be, channel.not_ring says why. `path`: how the user named the
// device; empty: not.
std::optional<Error> open_channel(std::string_view path, std::uint32_t transport, const OpenLimit& limit,
                                  Channel& channel);

}  // namespace aegis::client
