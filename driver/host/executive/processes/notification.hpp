// What every notification of a driver has in common.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "driver/host/executive/sync/thread_state.hpp"

namespace aegis::host {

// NT calls notify routines inside a critical region.
class CriticalRegion {
  public:
    CriticalRegion() { ++this_thread().critical_regions; }
    ~CriticalRegion() { --this_thread().critical_regions; }
    CriticalRegion(const CriticalRegion&) = delete;
    CriticalRegion& operator=(const CriticalRegion&) = delete;
};

// This thread has that number, for one scope.
class AsThreadNumber {
  public:
    explicit AsThreadNumber(std::uint32_t tid) : tid_(std::exchange(this_thread().tid, tid)) {}
    ~AsThreadNumber() { this_thread().tid = tid_; }
    AsThreadNumber(const AsThreadNumber&) = delete;
    AsThreadNumber& operator=(const AsThreadNumber&) = delete;

  private:
    std::optional<std::uint32_t> tid_;
};

}  // namespace aegis::host
