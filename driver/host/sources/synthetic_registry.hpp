// Invented changes of the registry by invented processes: the same for the same seed, on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "driver/host/sources/activity_source.hpp"
#include "driver/host/sources/synthetic_generator.hpp"

namespace aegis::host::sources {

struct SyntheticRegistryChange {
    std::uint32_t pid = 0;
    RegistryChanged::Kind kind = RegistryChanged::Kind::kSetValue;
    std::u16string key;  // about one of 256 is longer than an event can hold
    std::u16string name;
    std::uint32_t type = 0;
    std::vector<std::byte> data;
};

// A process changes up to six values when it starts; one of eight makes a key first, which it fills, one of sixteen
// deletes a value or a key, one of 128 renames one. Does not change which processes a seed gives.
class SyntheticRegistry {
  public:
    explicit SyntheticRegistry(std::uint64_t seed) : random_(seed) {}

    // Those that follow the start of a process.
    std::vector<SyntheticRegistryChange> after(const SyntheticEvent& start);

  private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    bool once_in(std::uint64_t n) { return below(n) == 0; }
    std::u16string key();
    SyntheticRegistryChange set_value(std::uint32_t pid, std::u16string key);

    std::mt19937_64 random_;
};

}  // namespace aegis::host::sources
