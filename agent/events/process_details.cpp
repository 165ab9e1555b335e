#include "agent/events/process_details.hpp"

#include <algorithm>
#include <bit>

namespace aegis::agent {
namespace {

std::uint8_t all_parts(std::uint8_t parts) {
    return static_cast<std::uint8_t>((1U << parts) - 1);
}

}  // namespace

std::span<PendingDetails::Slot> PendingDetails::set_of(std::uint32_t process_id) {
    // As ProcessTable spreads them.
    constexpr std::uint32_t kGolden = 0x9E3779B9U;
    constexpr int kSetBits = std::countr_zero(kSets);
    static_assert(std::has_single_bit(kSets));
    return std::span(slots_).subspan((process_id * kGolden >> (32 - kSetBits)) * kWays, kWays);
}

PendingDetails::Slot* PendingDetails::find(std::span<Slot> set, std::uint32_t process_id, std::int64_t time,
                                           std::uint8_t kind) {
    const auto found = std::find_if(set.begin(), set.end(), [&](const Slot& slot) {
        return slot.stamp != 0 && slot.time == time && slot.details.fields.process_id == process_id &&
               slot.details.fields.kind == kind;
    });
    return found != set.end() ? &*found : nullptr;
}

PendingDetails::Slot& PendingDetails::slot_for(const Event& event) {
    const std::span<Slot> set = set_of(event.process_id);
    Slot* slot = find(set, event.process_id, event.header.Timestamp, event.details.kind);
    if (slot != nullptr) {
        return *slot;
    }
    // Free ones have the lowest stamp.
    slot = &*std::min_element(set.begin(), set.end(),
                              [](const Slot& left, const Slot& right) { return left.stamp < right.stamp; });
    forgotten_ += slot->stamp != 0 ? 1 : 0;
    slot->stamp = ++stamp_;
    slot->time = event.header.Timestamp;
    slot->parts_seen = 0;
    slot->details.fields = event.details;
    slot->details.fields.sid_length = 0;
    slot->details.command_line.clear();
    return *slot;
}

void PendingDetails::add(const Event& event) {
    const std::scoped_lock lock(mutex_);
    told_any_ = true;
    Slot& slot = slot_for(event);
    const DetailsFields& part = event.details;
    ProcessDetails& details = slot.details;
    slot.parts_seen = static_cast<std::uint8_t>(slot.parts_seen | 1U << part.part);
    if (part.part == 0) {
        details.fields.sid_length = part.sid_length;
        std::copy_n(event.sid().begin(), part.sid_length, details.sid_bytes.begin());
    }
    const std::size_t end = std::size_t{part.command_line_offset} + part.command_line_length;
    slot.ends[part.part] = static_cast<std::uint16_t>(end);
    if (details.command_line.size() < end) {
        details.command_line.resize(end);
    }
    event.command_line().copy(details.command_line.data() + part.command_line_offset, part.command_line_length);
}

bool PendingDetails::take(const Event& event, ProcessDetails& details, bool& complete) {
    const std::uint8_t kind =
        event.header.Type == AEGIS_EVENT_PROCESS_CREATE ? AEGIS_DETAILS_START : AEGIS_DETAILS_EXIT;
    const std::scoped_lock lock(mutex_);
    Slot* const slot = find(set_of(event.process_id), event.process_id, event.header.Timestamp, kind);
    if (slot == nullptr) {
        // A driver of an earlier release tells none, and loses none.
        complete = !told_any_;
        return false;
    }
    complete = slot->parts_seen == all_parts(slot->details.fields.parts);
    const int first_parts = std::countr_one(slot->parts_seen);
    details.fields = slot->details.fields;
    details.sid_bytes = slot->details.sid_bytes;
    // Swapped, so that neither side allocates for the next one.
    details.command_line.swap(slot->details.command_line);
    details.command_line.resize(first_parts == 0 ? 0 : slot->ends[static_cast<std::size_t>(first_parts) - 1]);
    slot->stamp = 0;
    return true;
}

std::uint64_t PendingDetails::forgotten() const {
    const std::scoped_lock lock(mutex_);
    return forgotten_;
}

}  // namespace aegis::agent
