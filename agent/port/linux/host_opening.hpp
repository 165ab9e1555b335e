// Opening the driver of an aegismon-host whose socket may appear only moments after the agent has started.
#pragma once

#include <optional>
#include <string>

#include "agent/app/log.hpp"
#include "agent/port/port.hpp"

namespace aegis::agent {

struct HostAddress {
    std::string path;
    bool may_still_come = false;  // wait a little for a host that does not listen yet
};

// As aegis_open for the host at `address`; waits for one that may still come, and says so on `log`. A failure tells
// what is there instead, or that `interrupt_fd` became readable.
std::optional<Failure> open_at_host(const HostAddress& address, aegis_options options, const Patience& patience,
                                    int interrupt_fd, Log& log, Client& client);

}  // namespace aegis::agent
