// Runs a piece of a test in a child process that has another stdout.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace aegis::test {

inline constexpr int kPassed = 0;

// The child's exit code, or minus the signal that ended it. `body` returns the exit code; what it cannot do with gtest,
// whose output would go to the stdout under test, it says by that.
template <class Body>
int in_child_with_stdout(int descriptor, Body body) {
    const pid_t child = fork();
    if (child == 0) {
        if (dup2(descriptor, STDOUT_FILENO) < 0) {
            _exit(99);
        }
        std::signal(SIGPIPE, SIG_IGN);
        _exit(body());
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace aegis::test
