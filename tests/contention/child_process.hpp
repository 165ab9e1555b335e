// A forked child that runs one function and never returns into the test.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "contention/mapping.hpp"

namespace aegis::test {

class ChildProcess {
  public:
    explicit ChildProcess(const std::function<void()>& work) : pid_(fork()) {
        if (pid_ < 0) {
            die("fork");
        }
        if (pid_ == 0) {
            work();
            _exit(0);
        }
    }
    ~ChildProcess() {
        if (pid_ > 0) {
            kill_now();
            wait();
        }
    }
    ChildProcess(ChildProcess&& other) noexcept : pid_(other.pid_) { other.pid_ = 0; }
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ChildProcess& operator=(ChildProcess&&) = delete;

    void kill_now() const { kill(pid_, SIGKILL); }

    // Waits for its end; gives the wait status.
    int wait() {
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = 0;
        return status;
    }

    bool ended_well() {
        const int status = wait();
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }

    bool was_killed() {
        const int status = wait();
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }

  private:
    pid_t pid_;
};

}  // namespace aegis::test
