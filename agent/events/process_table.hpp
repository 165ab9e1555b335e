// What the start of a process said, kept until its end: an exit event carries nothing but the process id.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "agent/events/lines.hpp"

namespace aegis::agent {

// Bounded by construction: a set-associative cache. A process id belongs to one set of kWays entries; a full set
// forgets its oldest. Threads share it.
class ProcessTable {
  public:
    static constexpr std::size_t kSets = 8192;
    static constexpr std::size_t kWays = 8;
    static constexpr std::size_t kCapacity = kSets * kWays;

    ProcessTable();

    // Keeps two texts for a process that has started, for two places of a line; replaces what an earlier one with the
    // same id left.
    void remember(std::uint32_t process_id, std::string_view first, std::string_view second = {});

    // Appends the texts of a process that goes on, each to its own; false when it is not known.
    bool look_up(std::uint32_t process_id, Lines& first, Lines& second);

    // Appends the texts of a process that has ended, each to its own, and forgets it; false when it is not known.
    bool take(std::uint32_t process_id, Lines& first, Lines& second);

    // After a loss: the end of any known process, and the start of another with its id, may be among what was lost.
    // A name that may be another's is worse than none.
    void forget_all();

  private:
    // Ids and stamps side by side: a search touches two cache lines, whatever the texts are.
    struct Set {
        std::array<std::uint32_t, kWays> process_ids = {};
        std::array<std::uint64_t, kWays> stamps = {};  // order of arrival; at most forgotten_: free
        std::array<std::string, kWays> texts;          // both, joined; keep their capacity when used again
        std::array<std::size_t, kWays> splits = {};    // where the second begins
    };

    // The caller holds mutex_. The stamp of what was appended; null: not known.
    std::uint64_t* append_known(std::uint32_t process_id, Lines& first, Lines& second);
    Set& set_of(std::uint32_t process_id);
    // The way of a process that is known; kWays otherwise.
    std::size_t find(const Set& set, std::uint32_t process_id) const;

    std::mutex mutex_;  // guards everything below
    std::vector<Set> sets_;
    std::uint64_t stamp_ = 0;
    std::uint64_t forgotten_ = 0;
};

}  // namespace aegis::agent
