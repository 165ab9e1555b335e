// The one thing every wait of the agent also waits for: a descriptor that becomes readable and stays so.
#pragma once

#include "driver/host/unique_fd.hpp"

namespace aegis::agent {

// While it lives, SIGINT and SIGTERM (and SIGHUP, unless nohup ignores it) set it instead of ending the process, and a
// closed pipe or a file that may not grow (ulimit -f) is an error of write() instead of a signal. One at a time.
class InterruptEvent {
  public:
    InterruptEvent();
    ~InterruptEvent();
    InterruptEvent(const InterruptEvent&) = delete;
    InterruptEvent& operator=(const InterruptEvent&) = delete;

    // Any thread.
    void set();
    bool set_by_signal() const;
    int descriptor() const { return event_.get(); }

  private:
    host::UniqueFd event_;
};

}  // namespace aegis::agent
