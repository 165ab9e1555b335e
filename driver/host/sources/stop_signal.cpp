#include "driver/host/sources/stop_signal.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <system_error>

#include "driver/host/sources/nt_clock.hpp"

namespace aegis::host::sources {

StopSignal::StopSignal() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_) {
        throw std::system_error(errno, std::generic_category(), "eventfd");
    }
}

void StopSignal::set() {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the descriptor is readable as well.
    [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof(one));
}

bool StopSignal::keep_going(int other, long long timeout_ns) const {
    pollfd fds[] = {{event_.get(), POLLIN, 0}, {other, POLLIN, 0}};
    const timespec limit = {static_cast<time_t>(timeout_ns / kNanosecondsPerSecond),
                            static_cast<long>(timeout_ns % kNanosecondsPerSecond)};
    // A signal that interrupts the wait only makes the caller look around once more.
    ppoll(fds, 2, timeout_ns < 0 ? nullptr : &limit, nullptr);
    return (fds[0].revents & POLLIN) == 0;
}

}  // namespace aegis::host::sources
