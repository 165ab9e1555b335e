// Invented threads of invented processes: the same for the same seed, on every machine.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <unordered_map>
#include <vector>

#include "driver/host/sources/synthetic_generator.hpp"

namespace aegis::host::sources {

struct SyntheticThread {
    bool is_start = false;
    std::uint32_t pid = 0;
    std::uint32_t tid = 0;
    std::uint32_t creator = 0;      // of a start
    std::uint32_t creator_tid = 0;  // of a start
    std::uint64_t start_address = 0;
    std::int32_t status = 0;
};

// Every process has a first thread, made by its creator; one of four has up to eight more; one thread of 256 is made by
// another process. All end before their process does. Does not change which processes a seed gives.
class SyntheticThreads {
  public:
    // Above every number of a thread of Linux and of an invented process.
    static constexpr std::uint32_t kFirstTid = 1'000'000'000;

    explicit SyntheticThreads(std::uint64_t seed) : random_(seed) {}

    // The threads that follow the start of a process.
    std::vector<SyntheticThread> after(const SyntheticEvent& start);
    // The ends that come before that of a process.
    std::vector<SyntheticThread> before_end_of(std::uint32_t pid);
    // The first thread of a process; its own number where it has none.
    std::uint32_t first_of(std::uint32_t pid) const;

  private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    bool once_in(std::uint64_t n) { return below(n) == 0; }
    SyntheticThread make(std::uint32_t pid, std::uint32_t creator);

    std::mt19937_64 random_;
    std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> alive_;  // threads by process, the first one first
    std::uint32_t next_tid_ = kFirstTid;
};

}  // namespace aegis::host::sources
