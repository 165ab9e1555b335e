// The seed of a randomised test: printed, and repeatable through the environment.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "support/random.hpp"

namespace aegis::test {

// The run's seed: AEGIS_SEED of the environment, or a fresh one. Printed once, so that a failure can be repeated.
inline std::uint64_t run_seed() {
    static const std::uint64_t seed = [] {
        const char* given = std::getenv("AEGIS_SEED");
        const std::uint64_t value = given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
        std::printf("AEGIS_SEED=%llu repeats this run\n", static_cast<unsigned long long>(value));
        std::fflush(stdout);
        return value;
    }();
    return seed;
}

// One stream of random numbers per purpose; the order in which tests run changes none of them.
inline Random random_stream(std::uint64_t purpose) {
    return Random(mix(run_seed()) ^ mix(purpose));
}

}  // namespace aegis::test
