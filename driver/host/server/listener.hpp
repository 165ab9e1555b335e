// The socket file that clients connect to.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "driver/host/unique_fd.hpp"

namespace aegis::host::server {

// Everybody may connect; the device's security descriptor decides who may open it.
class Listener {
  public:
    Listener() = default;
    // Removes the socket file, if it still is this listener's.
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // Binds to `path`. A file left behind by a host that died is replaced; a socket where somebody
    // listens is not. The directory of the default path (client.hpp) is made when it is missing.
    // Returns what went wrong, one line.
    std::optional<std::string> listen(const std::string& path);

    int descriptor() const { return socket_.get(); }

  private:
    UniqueFd socket_;
    std::string path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace aegis::host::server
