// The one thing every wait of a client also waits for: a descriptor that is readable while one of several reasons
// holds.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/client/device.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::client {

class Wake {
  public:
    // `external`: the caller's descriptor, which interrupts while it is readable.
    std::optional<Error> open(std::optional<std::uint64_t> external);
    // From now on what becomes of the driver: `stopping` is readable, or hung up, when somebody stops it.
    std::optional<Error> watch(host::UniqueFd stopping);

    // Signal-safe.
    void interrupt() const;
    void resume() const;

    // kInterrupted, kStopping, or kTimeout for neither.
    WaitStatus reason() const;
    bool stopping() const;
    int stopping_descriptor() const { return stopping_.get(); }

    int descriptor() const { return any_.get(); }

  private:
    std::optional<Error> add(int descriptor) const;

    host::UniqueFd interrupted_;  // an eventfd
    int external_ = -1;
    host::UniqueFd stopping_;
    host::UniqueFd any_;  // epoll over those three
};

}  // namespace aegis::client
