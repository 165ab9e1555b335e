// Waiting for an event of the host, and for what else can end the wait.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "driver/host/client/client.hpp"

namespace aegis::host::client {

Connection::EventState Connection::take_signal(const Event& event) {
    EventState state = EventState::kNotSignalled;
    std::array<std::byte, 64> signals;
    while (true) {
        const ssize_t bytes = read(event.descriptor(), signals.data(), signals.size());
        if (bytes > 0) {
            state = EventState::kSignalled;
        } else if (bytes == 0) {
            return state == EventState::kSignalled ? state : EventState::kClosed;
        } else if (errno != EINTR) {
            return state;
        }
    }
}

void Connection::reset_event(const Event& event) {
    take_signal(event);
}

Connection::EventState Connection::see_signal(const Event& event) {
    std::byte signal{};
    ssize_t bytes = -1;
    do {
        bytes = recv(event.descriptor(), &signal, sizeof(signal), MSG_PEEK | MSG_DONTWAIT);
    } while (bytes < 0 && errno == EINTR);
    if (bytes > 0) {
        return EventState::kSignalled;
    }
    return bytes == 0 ? EventState::kClosed : EventState::kNotSignalled;
}

NtStatus Connection::wait_for_event(const Event& event) {
    // A descriptor at its end is readable as well: what is there to read decides.
    switch (event.kind() == EventKind::kManualReset ? see_signal(event) : take_signal(event)) {
        case EventState::kSignalled:
            return kStatusSuccess;
        case EventState::kNotSignalled:
            return kStatusPending;
        case EventState::kClosed:
            break;
    }
    // Either the handle was closed, or the host is dying, and its descriptors vanish one after the other.
    constexpr int kMilliseconds = 1000;
    pollfd notices = {notices_.get(), POLLIN, 0};
    poll(&notices, 1, kMilliseconds);
    return succeeded(pump()) ? kStatusInvalidHandle : kStatusDeviceRemoved;
}

NtStatus Connection::wait(const Event& event, std::chrono::nanoseconds timeout, int interrupt_fd) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point begin = Clock::now();
    while (true) {
        timespec limit{};
        if (timeout != kForever) {
            const std::chrono::nanoseconds left =
                std::max(timeout - (Clock::now() - begin), std::chrono::nanoseconds(0));
            const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
            limit = {seconds.count(), (left - seconds).count()};
        }
        std::array<pollfd, 3> fds = {pollfd{interrupt_fd, POLLIN, 0}, pollfd{notices_.get(), POLLIN, 0},
                                     pollfd{event.descriptor(), POLLIN, 0}};
        const int ready = ppoll(fds.data(), fds.size(), timeout == kForever ? nullptr : &limit, nullptr);
        if (ready < 0 && errno != EINTR) {
            return kStatusInsufficientResources;
        }
        if (ready == 0) {
            return kStatusTimeout;
        }
        if (ready > 0 && fds[0].revents != 0) {
            return kStatusAlerted;
        }
        if (host_gone() || (ready > 0 && fds[1].revents != 0 && !succeeded(pump()))) {
            return kStatusDeviceRemoved;
        }
        if (ready > 0 && fds[2].revents != 0) {
            // Of several waiters on an auto-reset event the one that takes the signal is released.
            const NtStatus status = wait_for_event(event);
            if (status != kStatusPending) {
                return status;
            }
        }
    }
}

}  // namespace aegis::host::client
