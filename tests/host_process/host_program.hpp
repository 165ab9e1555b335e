// A running aegismon-host, with the real driver.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "driver/host/unique_fd.hpp"

namespace aegis::test {

// A new directory, gone with the object.
class TemporaryDirectory {
  public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

// The path of the program.
std::string host_program();

class HostProgram {
  public:
    // Starts it with a socket of its own and waits until it is ready.
    explicit HostProgram(std::vector<std::string> arguments);
    // Ends it, unless end() did, and then fails the test when it did not end well.
    ~HostProgram();
    HostProgram(const HostProgram&) = delete;
    HostProgram& operator=(const HostProgram&) = delete;

    // False: it ended before it was ready.
    bool ready() const { return ready_; }
    std::string socket_path() const { return directory_.path() / "socket"; }
    pid_t pid() const { return pid_; }

    void signal(int number) const;
    // Waits for its end, after SIGTERM unless `number` says otherwise (0: no signal). As waitpid() has it.
    int end(int number);
    // Everything it said on stderr so far, but for the line that it is ready.
    std::string errors() const;
    // How many descriptors it has open.
    std::size_t descriptors() const;

  private:
    TemporaryDirectory directory_;
    pid_t pid_ = -1;
    bool ready_ = false;
    std::optional<int> status_;
};

}  // namespace aegis::test
