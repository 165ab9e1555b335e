// What every notification of a driver has in common.
#pragma once

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

}  // namespace aegis::host
