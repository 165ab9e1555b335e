// A child of the test that runs a program, with its standard input and output in the test's hands.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "driver/host/unique_fd.hpp"

namespace aegis::test {

class ChildProcess {
  public:
    // `arguments` begins with the program's path. Standard error is the test's own.
    explicit ChildProcess(const std::vector<std::string>& arguments);
    // Ends and reaps it.
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    pid_t pid() const { return pid_; }
    // One line of its output, without the newline; empty at the end of the output.
    std::string read_line();
    void end_input() { input_.reset(); }
    void signal(int number) const;
    // Waits for its end. As waitpid() has it.
    int wait();

  private:
    pid_t pid_ = -1;
    std::optional<int> status_;
    host::UniqueFd input_;
    host::UniqueFd output_;
};

// The path of the helper program behaviour.cpp.
std::string behaviour_program();

}  // namespace aegis::test
