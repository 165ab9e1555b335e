// What the service manager is to a driver's clients: it tells them that the driver is to be stopped.
#pragma once

#include "driver/host/unique_fd.hpp"

namespace aegis::host::server {

// NT unloads a driver after the last handle to it is closed, and tells nobody who holds one: a client that wants to
// make room watches the state of the service. Here that state is one pipe for all clients, which nobody writes to:
// it hangs up when the service stops, and when this process dies. Any thread.
class ServiceState {
  public:
    // Throws std::system_error when the system refuses a pipe.
    ServiceState();

    // For one client; empty when this process has no descriptor left.
    UniqueFd watch() const;
    // Everybody who watches learns it, also who begins to watch later. One thread; harmless twice.
    void announce_stop() { running_.reset(); }

  private:
    UniqueFd watched_;
    UniqueFd running_;  // open while the service runs
};

}  // namespace aegis::host::server
