// What the system calls the users whose SIDs events carry.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

namespace aegis::agent {

// UTF-8. Both empty: the system knows no name.
struct UserName {
    std::string name;
    std::string domain;  // Windows only
};

// Not thread-safe: each worker has its own. Asks the system once for each user; a name that changes later is not seen.
class UserNames {
  public:
    static constexpr std::size_t kMostUsers = 4096;

    // As Port::user_name.
    using Query = std::function<UserName(std::span<const std::byte> sid)>;

    explicit UserNames(Query query) : query_(std::move(query)) {}

    // Valid until the next call.
    const UserName& find(std::span<const std::byte> sid);

  private:
    Query query_;
    std::unordered_map<std::string, UserName> names_;
};

}  // namespace aegis::agent
