#include "agent/client/forks.hpp"

namespace aegis::client {

std::uint32_t fork_generation() {
    return 0;
}

}  // namespace aegis::client
