// Invented handles between invented processes: the same for the same seed, on every machine.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "driver/host/sources/synthetic_generator.hpp"

namespace aegis::host::sources {

struct SyntheticHandle {
    std::uint32_t pid = 0;
    std::uint32_t target = 0;
    bool of_thread = false;  // to the target's first thread
    std::uint32_t access = 0;
    bool duplicate = false;
    std::uint32_t source = 0;
    std::uint32_t destination = 0;
};

// As on a Windows machine: who makes a process has every right to it, and most of what is opened besides is opened for
// a look, which is no event. One process of eight has its memory read; one of 64 is suspended, by a handle to a thread;
// one of 256 is written to. One of 32 has a handle to it duplicated by its creator. Does not change which processes a
// seed gives.
class SyntheticHandles {
  public:
    explicit SyntheticHandles(std::uint64_t seed) : random_(seed) {}

    // Those that follow the start of a process.
    std::vector<SyntheticHandle> after(const SyntheticEvent& start);

  private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    bool once_in(std::uint64_t n) { return below(n) == 0; }

    std::mt19937_64 random_;
};

}  // namespace aegis::host::sources
