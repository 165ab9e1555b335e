// What a consumer sleeps on: the real primitives of the host, and a cheap one that makes millions of sleeps
// affordable.
//
// Each has signal(), called by the producer, and wait(), which blocks until there is a signal and returns how many it
// took. None of them is touched by the ring: they stand where the event object stands.
#pragma once

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "contention/activity.hpp"
#include "contention/mapping.hpp"

namespace aegis::test {

// A word that the sleeper watches for a while before it sleeps on a futex: with a processor for each side no sleep
// enters the kernel.
class SpinSleeper {
  public:
    void signal() {
        signals_.fetch_add(1);
        activity_.announce();
    }

    std::uint64_t wait() {
        std::uint64_t taken = 0;
        activity_.wait_until([&] { return (taken = signals_.exchange(0)) != 0; });
        return taken;
    }

  private:
    std::atomic<std::uint64_t> signals_{0};
    Activity activity_;
};

class EventFdSleeper {
  public:
    EventFdSleeper() : descriptor_(eventfd(0, EFD_CLOEXEC)) {
        if (descriptor_ < 0) {
            die("eventfd");
        }
    }
    ~EventFdSleeper() { close(descriptor_); }
    EventFdSleeper(const EventFdSleeper&) = delete;
    EventFdSleeper& operator=(const EventFdSleeper&) = delete;

    void signal() {
        const std::uint64_t one = 1;
        if (write(descriptor_, &one, sizeof(one)) != sizeof(one)) {
            die("eventfd write");
        }
    }

    std::uint64_t wait() {
        std::uint64_t taken = 0;
        while (read(descriptor_, &taken, sizeof(taken)) != sizeof(taken)) {
            if (errno != EINTR) {
                die("eventfd read");
            }
        }
        return taken;
    }

  private:
    int descriptor_;
};

// What the host hands to its clients: they hold the read end, and a full pipe means "already signalled".
class PipeSleeper {
  public:
    PipeSleeper() {
        if (pipe2(ends_.data(), O_CLOEXEC) != 0 || fcntl(ends_[1], F_SETFL, O_NONBLOCK) != 0) {
            die("pipe");
        }
    }
    ~PipeSleeper() {
        close(ends_[0]);
        close(ends_[1]);
    }
    PipeSleeper(const PipeSleeper&) = delete;
    PipeSleeper& operator=(const PipeSleeper&) = delete;

    void signal() {
        const char byte = 1;
        if (write(ends_[1], &byte, 1) != 1 && errno != EAGAIN) {
            die("pipe write");
        }
    }

    std::uint64_t wait() {
        std::array<char, 64> bytes;
        for (;;) {
            const ssize_t taken = read(ends_[0], bytes.data(), bytes.size());
            if (taken > 0) {
                return static_cast<std::uint64_t>(taken);
            }
            if (errno != EINTR) {
                die("pipe read");
            }
        }
    }

  private:
    std::array<int, 2> ends_ = {-1, -1};
};

}  // namespace aegis::test
