// A flag that poll() can wait for: set once, stays set.
#pragma once

#include "driver/host/unique_fd.hpp"

namespace aegis::host::sources {

class StopSignal {
  public:
    StopSignal();

    void set();
    // Readable from set() on.
    int descriptor() const { return event_.get(); }

    // Waits until set() or until `other` is readable or `timeout_ns` has passed (negative: no timeout).
    // False: set() was called. `other` -1: none.
    bool keep_going(int other, long long timeout_ns) const;

  private:
    UniqueFd event_;
};

}  // namespace aegis::host::sources
