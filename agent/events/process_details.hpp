// What is told of a process right before its start or its end, kept until that comes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "agent/events/decode.hpp"

namespace aegis::agent {

// All parts of one process's details, as far as they have come.
struct ProcessDetails {
    DetailsFields fields = {};
    std::array<std::byte, AEGIS_SID_BYTES_MAX> sid_bytes = {};
    // Up to the first part that has not come; its full length is in `fields`.
    std::u16string command_line;

    std::span<const std::byte> sid() const { return std::span(sid_bytes).first(fields.sid_length); }
    bool has(std::uint32_t flag) const { return (fields.flags & flag) != 0; }
    bool command_line_cut() const { return command_line.size() < fields.command_line_full_length; }
};

// Bounded by construction, like ProcessTable: a full set forgets its oldest. Threads share it.
class PendingDetails {
  public:
    static constexpr std::size_t kSets = 64;
    static constexpr std::size_t kWays = 4;

    PendingDetails() : slots_(kSets * kWays) {}

    // `event` is a part of details.
    void add(const Event& event);

    // `event` is a start or an exit. Moves what was told of it to `details`; false when that is nothing. `complete`:
    // no part is missing, or this driver has told of no process yet.
    bool take(const Event& event, ProcessDetails& details, bool& complete);

    // Details that were forgotten for want of room, or because what they belong to never came. Any thread.
    std::uint64_t forgotten() const;

  private:
    struct Slot {
        std::uint64_t stamp = 0;  // order of arrival; 0: free
        std::int64_t time = 0;
        std::uint8_t parts_seen = 0;                                // a bit for each
        std::array<std::uint16_t, AEGIS_DETAILS_PARTS_MAX> ends{};  // of each part, in the command line
        ProcessDetails details;
    };

    // The caller holds mutex_.
    std::span<Slot> set_of(std::uint32_t process_id);
    static Slot* find(std::span<Slot> set, std::uint32_t process_id, std::int64_t time, std::uint8_t kind);
    Slot& slot_for(const Event& event);

    mutable std::mutex mutex_;  // guards everything below
    std::vector<Slot> slots_;
    std::uint64_t stamp_ = 0;
    std::uint64_t forgotten_ = 0;
    bool told_any_ = false;
};

}  // namespace aegis::agent
