#include "agent/events/process_table.hpp"

#include <algorithm>
#include <bit>

namespace aegis::agent {

ProcessTable::ProcessTable() : sets_(kSets) {}

ProcessTable::Set& ProcessTable::set_of(std::uint32_t process_id) {
    // Process ids come in rows and, on Windows, in multiples of four: multiplying by 2^32 over the golden ratio
    // spreads both over the sets.
    constexpr std::uint32_t kGolden = 0x9E3779B9U;
    constexpr int kSetBits = std::countr_zero(kSets);
    static_assert(std::has_single_bit(kSets));
    return sets_[process_id * kGolden >> (32 - kSetBits)];
}

std::size_t ProcessTable::find(const Set& set, std::uint32_t process_id) const {
    std::size_t way = 0;
    while (way < kWays && (set.process_ids[way] != process_id || set.stamps[way] <= forgotten_)) {
        ++way;
    }
    return way;
}

void ProcessTable::remember(std::uint32_t process_id, std::string_view first, std::string_view second) {
    const std::scoped_lock lock(mutex_);
    Set& set = set_of(process_id);
    std::size_t way = find(set, process_id);
    if (way == kWays) {
        // Free ways have the lowest stamps.
        const auto oldest = std::min_element(set.stamps.begin(), set.stamps.end());
        way = static_cast<std::size_t>(oldest - set.stamps.begin());
    }
    set.process_ids[way] = process_id;
    set.stamps[way] = ++stamp_;
    set.texts[way].assign(first).append(second);
    set.splits[way] = first.size();
}

std::uint64_t* ProcessTable::append_known(std::uint32_t process_id, Lines& first, Lines& second) {
    Set& set = set_of(process_id);
    const std::size_t way = find(set, process_id);
    if (way == kWays) {
        return nullptr;
    }
    const std::string_view texts = set.texts[way];
    append(first, texts.substr(0, set.splits[way]));
    append(second, texts.substr(set.splits[way]));
    return &set.stamps[way];
}

bool ProcessTable::look_up(std::uint32_t process_id, Lines& first, Lines& second) {
    const std::scoped_lock lock(mutex_);
    return append_known(process_id, first, second) != nullptr;
}

bool ProcessTable::take(std::uint32_t process_id, Lines& first, Lines& second) {
    const std::scoped_lock lock(mutex_);
    std::uint64_t* const stamp = append_known(process_id, first, second);
    if (stamp == nullptr) {
        return false;
    }
    *stamp = 0;
    return true;
}

void ProcessTable::forget_all() {
    const std::scoped_lock lock(mutex_);
    forgotten_ = stamp_;
}

}  // namespace aegis::agent
