// A FAST_MUTEX and its scope. Held at APC_LEVEL: the owner may map and unmap memory, but not call anything that
// requires PASSIVE_LEVEL.
#pragma once

#include "nt/nt.hpp"

namespace aegis::driver {

class FastMutex {
  public:
    // IRQL <= DISPATCH_LEVEL. Once, before the first use.
    void initialize() { ExInitializeFastMutex(&mutex_); }

  private:
    friend class FastMutexScope;
    FAST_MUTEX mutex_{};
};

class FastMutexScope {
  public:
    // IRQL <= APC_LEVEL.
    explicit FastMutexScope(FastMutex& mutex) : mutex_(mutex) { ExAcquireFastMutex(&mutex_.mutex_); }
    ~FastMutexScope() { ExReleaseFastMutex(&mutex_.mutex_); }

    FastMutexScope(const FastMutexScope&) = delete;
    FastMutexScope& operator=(const FastMutexScope&) = delete;

  private:
    FastMutex& mutex_;
};

}  // namespace aegis::driver
