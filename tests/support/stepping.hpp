// Deterministic interleavings on top of HookedAtomics: act between two accesses, or stop an operation before one.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include "support/hooked_atomics.hpp"

namespace aegis::test {

// How many accesses `operation` makes.
inline std::size_t count_accesses(const std::function<void()>& operation) {
    std::size_t count = 0;
    const AccessHook hook([&](const Access&) { ++count; });
    operation();
    return count;
}

// Runs `operation` and, just before its access number `index` (from 0), `intruder`. False when the operation made
// fewer accesses than that: then the intruder did not run.
inline bool run_with_intruder(const std::function<void()>& operation, std::size_t index,
                              const std::function<void()>& intruder) {
    std::size_t seen = 0;
    bool intruded = false;
    const AccessHook hook([&](const Access&) {
        if (seen++ == index) {
            intruded = true;
            intruder();
        }
    });
    operation();
    return intruded;
}

// Runs `operation` up to, not including, its access number `index` and leaves it there for good: its thread was
// stopped, killed or preempted for as long as the test looks. True when it was stopped, false when it finished.
inline bool run_until(const std::function<void()>& operation, std::size_t index) {
    struct Stopped {};
    std::size_t seen = 0;
    const AccessHook hook([&](const Access&) {
        if (seen++ == index) {
            throw Stopped{};
        }
    });
    try {
        operation();
    } catch (const Stopped&) {
        return true;
    }
    return false;
}

}  // namespace aegis::test
