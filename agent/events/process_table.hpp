// What the start of a process said, kept until its end: the events in between carry little more than the process id.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/events/lines.hpp"

namespace aegis::agent {

// A process as an event names it. The key is the driver's (AEGIS_THREAD_PAYLOAD.ProcessKey); 0: the event has none.
struct ProcessName {
    std::uint32_t id = 0;
    std::uint64_t key = 0;
};

// What was found of a process; used again, so that no look allocates.
class KnownProcess {
  public:
    static constexpr std::size_t kTexts = 5;

    std::uint64_t key = 0;      // 0: not known
    std::int64_t creation = 0;  // when the process was made; 0: not known

    std::string_view text(std::size_t index) const {
        const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
        return std::string_view(texts_.data(), texts_.size()).substr(begin, ends_[index] - begin);
    }

  private:
    friend class ProcessTable;

    Lines texts_;
    std::array<std::size_t, kTexts> ends_ = {};
};

// Bounded by construction: a set-associative cache. A process id belongs to one set of kWays entries; a full set
// forgets its oldest. Threads share it.
//
// Ids are used again. Where an event and an entry both have a key, the keys decide whether they are the same process;
// where one has none, an event from before the entry's start is another's.
class ProcessTable {
  public:
    static constexpr std::size_t kSets = 8192;
    static constexpr std::size_t kWays = 8;
    static constexpr std::size_t kCapacity = kSets * kWays;
    // Of all texts. Beyond it a process is kept with the first kShortTexts of its texts only.
    static constexpr std::size_t kMostBytes = std::size_t{24} << 20U;
    static constexpr std::size_t kShortTexts = 3;

    struct Entry {
        ProcessName name;
        std::int64_t start = 0;     // the time of the event that told of it
        std::int64_t creation = 0;  // when the process was made; 0: not known
    };

    ProcessTable();

    // Keeps texts for a process that has started, for as many places of a line; those that are not given are empty.
    // Replaces what an earlier one with the same id left.
    void remember(const Entry& entry, std::span<const std::string_view> texts);

    // Fills `found` for a process that goes on, with the first `texts` of its texts; false when the process is not
    // known. `time` is that of the event that names it.
    bool look_up(const ProcessName& name, std::int64_t time, KnownProcess& found,
                 std::size_t texts = KnownProcess::kTexts);

    // The same for a process that has ended, with all its texts, and forgets it.
    bool take(const ProcessName& name, std::int64_t time, KnownProcess& found);

    // After a loss: the end of any known process, and the start of another with its id, may be among what was lost.
    // A name that may be another's is worse than none.
    void forget_all();

    // Processes that were forgotten, or kept without all their texts, for want of room. Any thread.
    std::uint64_t crowded_out() const;

  private:
    struct Details {
        std::uint64_t key = 0;
        std::int64_t start = 0;
        std::int64_t creation = 0;
        std::string texts;        // joined; keeps its capacity when used again
        std::size_t counted = 0;  // of its capacity, in bytes_
        std::array<std::size_t, KnownProcess::kTexts> ends = {};
    };
    // Ids and stamps side by side: a search touches two cache lines, whatever the texts are.
    struct Set {
        std::array<std::uint32_t, kWays> process_ids = {};
        std::array<std::uint64_t, kWays> stamps = {};  // order of arrival; at most forgotten_: free
        std::array<Details, kWays> details;
    };

    // The caller holds mutex_. The stamp of what was found; null: not known.
    std::uint64_t* find_known(const ProcessName& name, std::int64_t time, KnownProcess& found, std::size_t texts);
    Set& set_of(std::uint32_t process_id);
    // The way of a process that is known; kWays otherwise.
    std::size_t find(const Set& set, std::uint32_t process_id) const;

    mutable std::mutex mutex_;  // guards everything below
    std::vector<Set> sets_;
    std::uint64_t stamp_ = 0;
    std::uint64_t forgotten_ = 0;
    std::uint64_t crowded_out_ = 0;
    std::size_t bytes_ = 0;  // that the texts take, once they were used
};

}  // namespace aegis::agent
