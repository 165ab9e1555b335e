#include "driver/host/client/call_limit.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

namespace aegis::host::client {

CallDeadline::CallDeadline(const CallLimit& limit)
    : end_(Clock::time_point::max()), interrupt_fd_(limit.interrupt_fd), after_interrupt_(limit.after_interrupt) {
    const Clock::time_point now = Clock::now();
    if (limit.timeout < Clock::time_point::max() - now) {
        end_ = now + limit.timeout;
    }
}

NtStatus CallDeadline::wait(int fd, short events) {
    bool ready = false;
    const NtStatus status = wait_until(fd, events, Clock::time_point::max(), ready);
    return ready ? kStatusSuccess : status;
}

NtStatus CallDeadline::pause(std::chrono::nanoseconds time) {
    bool ready = false;
    return wait_until(-1, 0, Clock::now() + time, ready);
}

// kStatusSuccess: `time` has come, or `ready`.
NtStatus CallDeadline::wait_until(int fd, short events, Clock::time_point time, bool& ready) {
    while (true) {
        const Clock::time_point now = Clock::now();
        const Clock::time_point until = std::min(time, end_);
        const std::chrono::nanoseconds left = std::max(until - now, Clock::duration(0));
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
        const timespec limit = {seconds.count(), (left - seconds).count()};
        std::array<pollfd, 2> fds = {pollfd{fd, events, 0}, pollfd{interrupt_fd_, POLLIN, 0}};
        const int count = ppoll(fds.data(), fds.size(), until == Clock::time_point::max() ? nullptr : &limit, nullptr);
        if (count < 0 && errno != EINTR) {
            return kStatusInsufficientResources;
        }
        if (count > 0 && fds[0].revents != 0) {
            ready = true;
            return kStatusSuccess;
        }
        if (count > 0 && fds[1].revents != 0) {
            interrupted_ = true;
            interrupt_fd_ = -1;
            end_ = std::min(end_, Clock::now() + after_interrupt_);
        } else if (count == 0 && time < end_) {
            return kStatusSuccess;
        } else if (count == 0) {
            return interrupted_ ? kStatusCancelled : kStatusIoTimeout;
        }
    }
}

}  // namespace aegis::host::client
