// Invented images of invented processes: the same for the same seed, on every machine.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "driver/host/sources/synthetic_generator.hpp"

namespace aegis::host::sources {

struct SyntheticImage {
    std::uint32_t pid = 0;
    std::u16string path;  // about one of 256 is longer than an event can hold
    bool exact = true;    // one of 128 has no name any more
    std::uint64_t base = 0;
    std::uint64_t size = 0;
};

// A process loads its own program and up to eight libraries. Does not change which processes a seed gives.
class SyntheticImages {
  public:
    explicit SyntheticImages(std::uint64_t seed) : random_(seed) {}

    // Those that follow the start of a process.
    std::vector<SyntheticImage> after(const SyntheticEvent& start);

  private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    bool once_in(std::uint64_t n) { return below(n) == 0; }
    SyntheticImage make(std::uint32_t pid, std::u16string path);
    std::u16string library();

    std::mt19937_64 random_;
};

}  // namespace aegis::host::sources
