#include "agent/port/user_names.hpp"

#include <utility>

namespace aegis::agent {

const UserName& UserNames::find(std::span<const std::byte> sid) {
    std::string key(reinterpret_cast<const char*>(sid.data()), sid.size());
    const auto known = names_.find(key);
    if (known != names_.end()) {
        return known->second;
    }
    // More users than a machine has: all are asked for again, in their turn.
    if (names_.size() == kMostUsers) {
        names_.clear();
    }
    return names_.emplace(std::move(key), query_(sid)).first->second;
}

}  // namespace aegis::agent
