// Makes chosen kernel calls of the driver fail, by their number since reset().
//
// Only calls that can fail on NT are counted, each at the one point where it begins, and each fails the way NT fails:
// a null pointer from the pool, a raised exception from a user mapping, STATUS_INSUFFICIENT_RESOURCES and the like
// from the rest. Numbers start at 1. A test walks n upwards until a run passes without its failure having been met.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::host {

class FaultInjector {
  public:
    // Fails the calls number `first` and, when not 0, `second`; forgets counts and names so far.
    void arm(std::uint64_t first, std::uint64_t second = 0);
    // Fails nothing; forgets counts and names so far.
    void reset() { arm(0); }

    // Calls counted since arm() or reset().
    std::uint64_t calls() const;
    // Names of the calls that were made to fail, in order.
    std::vector<std::string> failed() const;

    // The choke point: counts one call of `function` and says whether it has to fail. Any thread.
    bool should_fail(std::string_view function);

  private:
    mutable std::mutex mutex_;
    std::uint64_t first_ = 0;
    std::uint64_t second_ = 0;
    std::uint64_t calls_ = 0;
    std::vector<std::string> failed_;
};

}  // namespace aegis::host
