// The way to an aegismon-host: its socket, which may appear only moments after the agent has started.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/app/log.hpp"
#include "agent/port/port.hpp"
#include "driver/host/client/client.hpp"

namespace aegis::agent {

struct HostAddress {
    std::string path;
    bool may_still_come = false;  // wait a little for a host that does not listen yet
};

// Connects; waits for a host that may still come, and says so on `log`. A failure tells what is there instead, or that
// `interrupt_fd` became readable.
std::optional<Failure> connect_to_host(const HostAddress& address, const Patience& patience, int interrupt_fd, Log& log,
                                       std::unique_ptr<host::client::Connection>& connection);

}  // namespace aegis::agent
