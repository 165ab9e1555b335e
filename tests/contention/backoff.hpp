// Waiting for another thread without keeping it from its processor.
#pragma once

#include <sched.h>

#include "aegis/ring/atomics.hpp"

namespace aegis::test {

class Backoff {
  public:
    // A few pauses first, then the processor: with one core the other side runs only when this one lets it.
    void wait() {
        if (spins_ < kSpins) {
            ++spins_;
            ring::StdAtomics::pause();
        } else {
            sched_yield();
        }
    }

    void reset() { spins_ = 0; }

  private:
    static constexpr int kSpins = 64;
    int spins_ = 0;
};

}  // namespace aegis::test
