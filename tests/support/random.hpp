// Small deterministic random numbers: the same seed gives the same run on every platform.
#pragma once

#include <cstdint>

namespace aegis::test {

// A bijection of 64-bit words that spreads every input bit (the finaliser of splitmix64).
constexpr std::uint64_t mix(std::uint64_t x) {
    x ^= x >> 30U;
    x *= 0xBF58476D1CE4E5B9U;
    x ^= x >> 27U;
    x *= 0x94D049BB133111EBU;
    return x ^ (x >> 31U);
}

class Random {
  public:
    explicit constexpr Random(std::uint64_t seed) : state_(seed) {}

    constexpr std::uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15U); }

    // In [0, bound); `bound` > 0.
    constexpr std::uint64_t below(std::uint64_t bound) { return next() % bound; }

    // In [low, high].
    constexpr std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }

    // True once in `n` calls on average.
    constexpr bool one_in(std::uint64_t n) { return below(n) == 0; }

  private:
    std::uint64_t state_;
};

}  // namespace aegis::test
