// Events on a schedule that nothing delays: the open loop of a sensor, whose events happen when they happen.
#pragma once

#include <algorithm>
#include <cstdint>

#include "aegis/ring/atomics.hpp"
#include "support/clock.hpp"

namespace aegis::bench {

// Calls send(planned time) `count` times, `per_second` times a second, at the planned time or as soon after it as the
// call before has returned; ends early when it returns false. Spins in between.
template <class Send>
void send_on_schedule(double per_second, std::uint64_t count, const Send& send) {
    const double interval = static_cast<double>(kSecond) / per_second;
    const Nanoseconds start = now();
    Nanoseconds time = start;
    for (std::uint64_t i = 0; i < count; ++i) {
        const Nanoseconds planned = start + static_cast<Nanoseconds>(interval * static_cast<double>(i));
        while (time < planned) {
            ring::StdAtomics::pause();
            time = now();
        }
        if (!send(planned)) {
            return;
        }
    }
}

}  // namespace aegis::bench
