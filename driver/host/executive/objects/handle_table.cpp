#include "driver/host/executive/objects/handle_table.hpp"

#include <algorithm>

namespace aegis::host {
namespace {

constexpr std::uint64_t kStep = 4;

}  // namespace

std::optional<std::uint64_t> HandleTable::insert(Object& object, ACCESS_MASK granted) {
    const std::lock_guard lock(mutex_);
    if (closed_) {
        return std::nullopt;
    }
    std::uint64_t handle = kStep;
    for (const auto& [used, entry] : entries_) {
        if (used != handle) {
            break;
        }
        handle += kStep;
    }
    object.add_handle();
    entries_.emplace(handle, Entry{&object, granted});
    return handle;
}

HandleTable::Lookup HandleTable::find(std::uint64_t handle) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(handle);
    if (found == entries_.end()) {
        return {};
    }
    found->second.object->reference();
    return {Referenced<Object>(found->second.object), found->second.granted};
}

HandleTable::Lookup HandleTable::find_and_add_handle(std::uint64_t handle) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(handle);
    if (found == entries_.end()) {
        return {};
    }
    found->second.object->reference();
    found->second.object->add_handle();
    return {Referenced<Object>(found->second.object), found->second.granted};
}

bool HandleTable::close(std::uint64_t handle) {
    Object* object = nullptr;
    {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(handle);
        if (found == entries_.end()) {
            return false;
        }
        object = found->second.object;
        entries_.erase(found);
    }
    // Outside the lock: the last handle calls into the driver.
    object->drop_handle();
    return true;
}

void HandleTable::close_all() {
    std::map<std::uint64_t, Entry> entries;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        entries.swap(entries_);
    }
    for (const auto& [handle, entry] : entries) {
        entry.object->drop_handle();
    }
}

std::vector<HandleTable::Entry> HandleTable::entries() const {
    const std::lock_guard lock(mutex_);
    std::vector<Entry> all;
    for (const auto& [handle, entry] : entries_) {
        all.push_back(entry);
    }
    return all;
}

bool HandleTable::holds_any(const OBJECT_TYPE& type) const {
    const std::lock_guard lock(mutex_);
    return std::any_of(entries_.begin(), entries_.end(),
                       [&](const auto& entry) { return &entry.second.object->type() == &type; });
}

}  // namespace aegis::host
