// Whether this process has forked away from the one in which something was made.
#pragma once

#include <cstdint>

namespace aegis::client {

// Another number in each process on the way from fork to fork; costs a load. Always 0 where there is no fork.
std::uint32_t fork_generation();

}  // namespace aegis::client
