// Invented process activity: the same for the same seed, on every machine.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::host::sources {

struct SyntheticEvent {
    bool is_start = false;
    std::uint32_t pid = 0;
    std::uint32_t parent = 0;   // of a start
    std::uint32_t creator = 0;  // of a start; differs from the parent in about one of 16
    std::u16string image;       // of a start; about one of 64 is longer than an event can hold
    bool image_exact = false;
    std::u16string command_line;  // of a start; about one of 64 is longer than a single event holds
    std::uint32_t uid = 0;        // of a start
    std::uint32_t session = 0;    // of a start
    std::int32_t status = 0;      // of an end
};

// Starts and ends of processes whose paths look like those of a Linux machine. Every end follows its start; at most
// kMostAlive processes are alive at a time.
class SyntheticGenerator {
  public:
    static constexpr std::size_t kMostAlive = 512;
    // Above every pid of Linux (PID_MAX_LIMIT is 2^22), so that no invented end concerns a real process.
    static constexpr std::uint32_t kFirstPid = 5'000'000;

    explicit SyntheticGenerator(std::uint64_t seed) : random_(seed), details_random_(seed + 1) {}

    SyntheticEvent next();

  private:
    // Uniform enough for a demonstration, and, unlike the standard distributions, the same everywhere.
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    bool once_in(std::uint64_t n) { return below(n) == 0; }
    std::uint32_t someone_alive();
    std::string image_path();
    void add_details(std::string_view program, SyntheticEvent& event);
    std::int32_t some_status();
    std::uint64_t detail_below(std::uint64_t limit) { return details_random_() % limit; }

    std::mt19937_64 random_;
    std::mt19937_64 details_random_;  // its own, so that what happens does not depend on what is told of it
    std::vector<std::uint32_t> alive_;
    std::uint32_t next_pid_ = kFirstPid;
};

}  // namespace aegis::host::sources
