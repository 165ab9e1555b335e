// How much of the host a client can take. Ordinary users get a share that leaves the administrators theirs: they
// cannot open the device by default, but they can knock.
#pragma once

#include <cstddef>

#include "driver/host/executive/executive.hpp"

namespace aegis::host::server {

// Every connection is a thread of the host.
inline constexpr std::size_t kMostConnections = 128;
inline constexpr std::size_t kMostOrdinaryConnections = 48;
inline constexpr std::size_t kMostConnectionsOfOneUser = 16;

// A process counts from its first connection to its end: the host has to tell the driver of its exit.
inline constexpr std::size_t kMostProcesses = 1024;
inline constexpr std::size_t kMostOrdinaryProcesses = 128;
inline constexpr std::size_t kMostProcessesOfOneUser = 32;

// An event is two descriptors of the host.
inline constexpr std::size_t kMostHandlesOfAdministrator = 256;
inline constexpr std::size_t kMostHandlesOfUser = 8;

constexpr std::size_t most_handles(Account account) {
    return account == Account::kUser ? kMostHandlesOfUser : kMostHandlesOfAdministrator;
}

}  // namespace aegis::host::server
