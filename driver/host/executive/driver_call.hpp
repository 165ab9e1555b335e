// One call of a driver's entry point, and the state the driver must leave its thread in.
#pragma once

#include <cstddef>
#include <string_view>

#include "driver/host/executive/thread_state.hpp"

namespace aegis::host {

class DriverCall {
  public:
    // `what` names the entry point in a stop; a literal.
    explicit DriverCall(std::string_view what);
    // Stops when the driver returned at another IRQL, or with a lock, a critical region or an attachment more or
    // less than it was called with.
    ~DriverCall();
    DriverCall(const DriverCall&) = delete;
    DriverCall& operator=(const DriverCall&) = delete;

  private:
    std::string_view what_;
    KIRQL irql_;
    std::size_t locks_;
    std::size_t attachments_;
    unsigned critical_regions_;
};

}  // namespace aegis::host
