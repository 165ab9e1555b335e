#include "agent/process_table.hpp"

#include <bit>

namespace aegis::agent {

ProcessTable::ProcessTable() : entries_(kCapacity) {}

ProcessTable::Entry* ProcessTable::set_of(std::uint32_t process_id) {
    // Process ids come in rows and, on Windows, in multiples of four: multiplying by 2^32 over the golden ratio
    // spreads both over the sets.
    constexpr std::uint32_t kGolden = 0x9E3779B9U;
    constexpr int kSetBits = std::countr_zero(kSets);
    static_assert(std::has_single_bit(kSets));
    return &entries_[(process_id * kGolden >> (32 - kSetBits)) * kWays];
}

void ProcessTable::remember(std::uint32_t process_id, std::string_view text) {
    const std::scoped_lock lock(mutex_);
    Entry* const set = set_of(process_id);
    Entry* chosen = set;
    for (Entry* entry = set; entry != set + kWays; ++entry) {
        if (entry->process_id == process_id && entry->stamp > forgotten_) {
            chosen = entry;
            break;
        }
        if (entry->stamp < chosen->stamp) {
            chosen = entry;
        }
    }
    chosen->process_id = process_id;
    chosen->stamp = ++stamp_;
    chosen->text.assign(text);
}

bool ProcessTable::take(std::uint32_t process_id, Lines& lines) {
    const std::scoped_lock lock(mutex_);
    Entry* const set = set_of(process_id);
    for (Entry* entry = set; entry != set + kWays; ++entry) {
        if (entry->process_id == process_id && entry->stamp > forgotten_) {
            append(lines, entry->text);
            entry->stamp = 0;
            return true;
        }
    }
    return false;
}

void ProcessTable::forget_all() {
    const std::scoped_lock lock(mutex_);
    forgotten_ = stamp_;
}

}  // namespace aegis::agent
