// Which programs a policy refuses to start, as the driver will decide: taken from the blob that the driver has taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::host::server {

class RefusedPaths {
  public:
    RefusedPaths() = default;
    // `blob`: one that SET_POLICY has succeeded with.
    explicit RefusedPaths(std::span<const std::byte> blob);

    // No rule of it refuses the start of a process.
    bool empty() const { return !any_; }

    // The longest rule that names `path` or a folder above it refuses.
    bool refuses(std::u16string_view path) const;

    // Whether something at `folder`, below it, or on the way to it may be refused: where a file system is mounted.
    bool concerns(std::u16string_view folder) const;

  private:
    struct Rule {
        std::u16string path;  // folded
        bool refuses = false;
    };

    std::vector<Rule> rules_;
    bool any_ = false;
};

}  // namespace aegis::host::server
