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
    // From now on it is set as well while `descriptor` is readable or hung up, until that is closed.
    void set_by(int descriptor);
    int descriptor() const { return any_.get(); }
    // Without what set_by named.
    int own_descriptor() const { return event_.get(); }

  private:
    host::UniqueFd event_;
    host::UniqueFd any_;  // epoll over the event and what else sets it
};

}  // namespace aegis::agent
