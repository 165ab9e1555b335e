// The driver's host process as a child of the agent: the default when no device is named.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "agent/port/port.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::agent {

// A directory for the host's socket that nobody else can enter, removed with what is in it.
class PrivateDirectory {
  public:
    PrivateDirectory() = default;
    ~PrivateDirectory() { remove(); }
    PrivateDirectory(const PrivateDirectory&) = delete;
    PrivateDirectory& operator=(const PrivateDirectory&) = delete;

    std::optional<Failure> create();
    void remove();

    std::string socket_path() const { return path_ + "/aegismon.sock"; }

  private:
    std::string path_;  // empty: none
};

class EmbeddedHost {
  public:
    EmbeddedHost() = default;
    ~EmbeddedHost();
    EmbeddedHost(const EmbeddedHost&) = delete;
    EmbeddedHost& operator=(const EmbeddedHost&) = delete;

    // Starts aegismon-host: the one AEGISMON_HOST names, else the one beside this program, else the one in PATH.
    // Returns when it is ready; a failure passes on what its exit code said, that `interrupt_fd` became readable, or
    // that it was not ready in time.
    std::optional<Failure> start(const DeviceChoice& choice, const Patience& patience, int interrupt_fd);

    std::string socket_path() const { return directory_.socket_path(); }

    // The agent is connected, and nobody else shall be: takes the socket away. An agent that is killed leaves
    // nothing behind then.
    void hide() { directory_.remove(); }

    // Asks the host to end and waits for it. A failure tells that it ended in another way than asked, for example
    // because its verifier stopped it.
    std::optional<Failure> stop();

  private:
    std::optional<Failure> spawn(const DeviceChoice& choice, host::UniqueFd& ready);
    std::optional<Failure> wait_until_ready(const host::UniqueFd& ready, const Patience& patience, int interrupt_fd);
    // The wait status; kills the host when it has not ended in time. None: not even that ended it in time.
    std::optional<int> wait_for_end();

    PrivateDirectory directory_;
    std::string program_;
    pid_t child_ = -1;
};

}  // namespace aegis::agent
