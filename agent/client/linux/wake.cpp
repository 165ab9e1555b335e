#include "agent/client/linux/wake.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace aegis::client {
namespace {

Error system_error(const char* what) {
    return {AEGIS_ERROR_RESOURCES, fmt::format("cannot {}: {} (errno {})", what, std::strerror(errno), errno)};
}

}  // namespace

std::optional<Error> Wake::open(std::optional<std::uint64_t> external) {
    interrupted_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!interrupted_) {
        return system_error("create an eventfd");
    }
    any_.reset(epoll_create1(EPOLL_CLOEXEC));
    if (!any_) {
        return system_error("create an epoll descriptor");
    }
    if (auto error = add(interrupted_.get())) {
        return error;
    }
    if (!external) {
        return std::nullopt;
    }
    const std::uint64_t descriptor = *external;
    if (descriptor > INT_MAX || add(static_cast<int>(descriptor))) {
        return Error{
            AEGIS_ERROR_ARGUMENT,
            fmt::format("aegis_options.interrupt is {}: it is no descriptor that can be waited for", descriptor)};
    }
    external_ = static_cast<int>(descriptor);
    return std::nullopt;
}

std::optional<Error> Wake::watch(host::UniqueFd stopping) {
    stopping_ = std::move(stopping);
    return add(stopping_.get());
}

std::optional<Error> Wake::add(int descriptor) const {
    epoll_event readable = {.events = EPOLLIN, .data = {}};
    if (epoll_ctl(any_.get(), EPOLL_CTL_ADD, descriptor, &readable) != 0) {
        return system_error("watch a descriptor");
    }
    return std::nullopt;
}

void Wake::interrupt() const {
    const int saved = errno;
    const std::uint64_t one = 1;
    // It cannot block: the counter would have to be written 2^64 - 2 times. So there is no error to handle.
    static_cast<void>(::write(interrupted_.get(), &one, sizeof(one)));
    errno = saved;
}

void Wake::resume() const {
    std::uint64_t interrupts = 0;
    // Nothing to read: it was not interrupted.
    static_cast<void>(::read(interrupted_.get(), &interrupts, sizeof(interrupts)));
}

WaitStatus Wake::reason() const {
    // poll() passes over a descriptor of -1.
    std::array<pollfd, 3> reasons = {pollfd{interrupted_.get(), POLLIN, 0}, pollfd{external_, POLLIN, 0},
                                     pollfd{stopping_.get(), POLLIN, 0}};
    if (poll(reasons.data(), reasons.size(), 0) <= 0) {
        return WaitStatus::kTimeout;
    }
    return reasons[0].revents != 0 || reasons[1].revents != 0 ? WaitStatus::kInterrupted : WaitStatus::kStopping;
}

bool Wake::stopping() const {
    pollfd stopping = {stopping_.get(), POLLIN, 0};
    return poll(&stopping, 1, 0) > 0;
}

}  // namespace aegis::client
