#include "agent/events/process_table.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <string>

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

void ProcessTable::remember(const Entry& entry, std::span<const std::string_view> texts) {
    const std::scoped_lock lock(mutex_);
    Set& set = set_of(entry.name.id);
    std::size_t way = find(set, entry.name.id);
    if (way == kWays) {
        // Free ways have the lowest stamps.
        const auto oldest = std::min_element(set.stamps.begin(), set.stamps.end());
        crowded_out_ += *oldest > forgotten_ ? 1 : 0;
        way = static_cast<std::size_t>(oldest - set.stamps.begin());
    }
    set.process_ids[way] = entry.name.id;
    set.stamps[way] = ++stamp_;
    Details& details = set.details[way];
    details.key = entry.name.key;
    details.start = entry.start;
    details.creation = entry.creation;
    details.texts.clear();
    bytes_ -= details.counted;
    if (bytes_ > kMostBytes && texts.size() > kShortTexts) {
        std::string().swap(details.texts);
        texts = texts.first(kShortTexts);
        ++crowded_out_;
    }
    for (std::size_t i = 0; i < KnownProcess::kTexts; ++i) {
        details.texts.append(i < texts.size() ? texts[i] : std::string_view());
        details.ends[i] = details.texts.size();
    }
    details.counted = details.texts.capacity();
    bytes_ += details.counted;
}

std::uint64_t* ProcessTable::find_known(const ProcessName& name, std::int64_t time, KnownProcess& found,
                                        std::size_t texts) {
    Set& set = set_of(name.id);
    const std::size_t way = find(set, name.id);
    if (way == kWays) {
        return nullptr;
    }
    const Details& details = set.details[way];
    const bool keys_decide = name.key != 0 && details.key != 0;
    if (keys_decide ? name.key != details.key : time < details.start) {
        return nullptr;
    }
    found.key = details.key != 0 ? details.key : name.key;
    found.creation = details.creation;
    found.ends_ = details.ends;
    std::fill(found.ends_.begin() + static_cast<std::ptrdiff_t>(texts), found.ends_.end(),
              texts == 0 ? 0 : details.ends[texts - 1]);
    found.texts_.clear();
    append(found.texts_, std::string_view(details.texts).substr(0, found.ends_.back()));
    return &set.stamps[way];
}

bool ProcessTable::look_up(const ProcessName& name, std::int64_t time, KnownProcess& found, std::size_t texts) {
    const std::scoped_lock lock(mutex_);
    return find_known(name, time, found, texts) != nullptr;
}

bool ProcessTable::take(const ProcessName& name, std::int64_t time, KnownProcess& found) {
    const std::scoped_lock lock(mutex_);
    std::uint64_t* const stamp = find_known(name, time, found, KnownProcess::kTexts);
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

std::uint64_t ProcessTable::crowded_out() const {
    const std::scoped_lock lock(mutex_);
    return crowded_out_;
}

}  // namespace aegis::agent
