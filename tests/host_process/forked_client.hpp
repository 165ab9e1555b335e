// A child of the test that runs a function of the test, and talks with it in single bytes.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>

#include "driver/host/unique_fd.hpp"

namespace aegis::test {

// One end of the talk.
class Talk {
  public:
    explicit Talk(int fd) : fd_(fd) {}
    void say(std::uint64_t value = 0) const {
        if (write(fd_.get(), &value, sizeof(value)) != sizeof(value)) {
            std::abort();
        }
    }
    // Waits for the other end's say(); ~0 when it has ended.
    std::uint64_t hear() const {
        std::uint64_t value = 0;
        return read(fd_.get(), &value, sizeof(value)) == sizeof(value) ? value : ~std::uint64_t{0};
    }
    void close() { fd_.reset(); }

  private:
    host::UniqueFd fd_;
};

class ForkedClient {
  public:
    // `body` returns the exit code. It must not use gtest assertions: the parent judges.
    template <typename Body>
    explicit ForkedClient(Body body) {
        std::array<int, 2> ends = {-1, -1};
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
            std::abort();
        }
        pid_ = fork();
        if (pid_ == 0) {
            ::close(ends[0]);
            Talk talk(ends[1]);
            _exit(body(talk));
        }
        ::close(ends[1]);
        talk_ = Talk(ends[0]);
    }
    ~ForkedClient() {
        if (!ended_) {
            kill(pid_, SIGKILL);
            wait();
        }
    }
    ForkedClient(const ForkedClient&) = delete;
    ForkedClient& operator=(const ForkedClient&) = delete;

    pid_t pid() const { return pid_; }
    Talk& talk() { return talk_; }
    void signal(int number) const { kill(pid_, number); }
    // As waitpid() has it.
    int wait() {
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        ended_ = true;
        return status;
    }
    // The exit code; -1 when a signal ended it.
    int exit_code() {
        const int status = wait();
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

  private:
    pid_t pid_ = -1;
    Talk talk_{-1};
    bool ended_ = false;
};

}  // namespace aegis::test
