#include "driver/host/server/service_state.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace aegis::host::server {

ServiceState::ServiceState() {
    std::array<int, 2> ends = {-1, -1};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "pipe2");
    }
    watched_.reset(ends[0]);
    running_.reset(ends[1]);
}

UniqueFd ServiceState::watch() const {
    return UniqueFd(fcntl(watched_.get(), F_DUPFD_CLOEXEC, 0));
}

}  // namespace aegis::host::server
