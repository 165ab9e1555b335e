#include "agent/port/linux/interrupt_event.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>

namespace aegis::agent {
namespace {

// What a signal handler may touch. Relaxed: the descriptor is written before the handlers are installed, and the flag
// says nothing about other memory.
std::atomic<int> g_event{-1};
std::atomic<bool> g_signalled{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

constexpr std::array kEndingSignals = {SIGINT, SIGTERM, SIGHUP};

void make_readable(int event) {
    const std::uint64_t one = 1;
    // It cannot block: the counter would have to be written 2^64 - 2 times. So there is no error to handle.
    static_cast<void>(::write(event, &one, sizeof(one)));
}

void on_ending_signal(int /*signal*/) {
    const int saved = errno;
    g_signalled.store(true, std::memory_order_relaxed);
    make_readable(g_event.load(std::memory_order_relaxed));
    errno = saved;
}

bool is_ignored(int signal) {
    struct sigaction action = {};
    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void handle(int signal, void (*handler)(int)) {
    struct sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptEvent::InterruptEvent() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), any_(epoll_create1(EPOLL_CLOEXEC)) {
    if (!event_) {
        throw std::system_error(errno, std::generic_category(), "cannot create an eventfd");
    }
    if (!any_) {
        throw std::system_error(errno, std::generic_category(), "cannot create an epoll descriptor");
    }
    set_by(event_.get());
    g_signalled.store(false, std::memory_order_relaxed);
    g_event.store(event_.get(), std::memory_order_relaxed);
    for (const int signal : kEndingSignals) {
        if (signal != SIGHUP || !is_ignored(SIGHUP)) {
            handle(signal, on_ending_signal);
        }
    }
    handle(SIGPIPE, SIG_IGN);
    handle(SIGXFSZ, SIG_IGN);
}

InterruptEvent::~InterruptEvent() {
    for (const int signal : kEndingSignals) {
        if (!is_ignored(signal)) {
            handle(signal, SIG_DFL);
        }
    }
    handle(SIGPIPE, SIG_DFL);
    handle(SIGXFSZ, SIG_DFL);
}

void InterruptEvent::set() {
    make_readable(event_.get());
}

void InterruptEvent::set_by(int descriptor) {
    epoll_event readable = {.events = EPOLLIN, .data = {}};
    if (epoll_ctl(any_.get(), EPOLL_CTL_ADD, descriptor, &readable) != 0) {
        throw std::system_error(errno, std::generic_category(), "cannot watch a descriptor");
    }
}

bool InterruptEvent::set_by_signal() const {
    return g_signalled.load(std::memory_order_relaxed);
}

}  // namespace aegis::agent
