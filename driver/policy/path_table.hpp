// Rules by path: the longest that names a path or a folder above it, at a cost that does not depend on how many there
// are: one hash along the path, looked up where a component ends.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "aegis/policy.h"
#include "nt/nt.hpp"
#include "policy/case_table.hpp"

namespace aegis::driver {

// A path, or the part of it that there is. Null: none. Touched where the IRQL says that its memory may be.
struct PathText {
    const WCHAR* units;
    std::size_t length;
};

// In place of event types: the programs that may do anything to protected processes.
inline constexpr std::uint32_t kOpeners = 1U << 31;
static_assert(AEGIS_POLICY_TYPES < 31, "no event type has this bit");

struct PathRule {
    std::uint64_t hash;         // of the folded text
    const std::uint16_t* text;  // folded
    std::uint32_t types;        // as in AEGIS_POLICY_RULE; an image's has all, or kOpeners when it allows
    std::uint16_t length;
    std::uint8_t action;
    // Relaxed: a report.
    std::atomic<std::uint64_t> hits;
};

class PathTable {
  public:
    // Bytes that build() needs for so many rules, without their texts; a multiple of 8.
    static std::size_t bytes_for(std::uint32_t count);

    // Takes `count` checked rules, whose texts lie back to back at `from`, and folds those to `to`, where they stay.
    // `memory` is zeroed. STATUS_OBJECT_NAME_COLLISION when two have the same path. IRQL <= DISPATCH_LEVEL.
    NTSTATUS build(const AEGIS_POLICY_RULE* rules, std::uint32_t count, const std::uint16_t* from, std::uint16_t* to,
                   const CaseTable& cases, void* memory);

    // The longest rule for one of `types` that names the path or a folder above it; null when none does. Looks at no
    // more units than the longest rule has, and one. Any IRQL at which `path` may be touched.
    PathRule* longest(const PathText& path, std::uint32_t types) const;

    std::uint32_t count() const { return count_; }
    std::uint32_t longest_units() const { return longest_; }
    PathRule* rules() const { return rules_; }

  private:
    static std::uint32_t slots_for(std::uint32_t count);

    // Whether a hash suffices, which two paths may share, though hardly ever.
    enum class Trust : std::uint8_t { kHash, kText };
    PathRule* scan(const PathText& path, std::uint32_t types, Trust trust) const;
    PathRule* find(std::uint64_t hash) const;
    bool begins_with(const PathText& path, const PathRule& rule) const;
    // False when one with its path is there.
    bool insert(PathRule* rule);

    const CaseTable* cases_ = nullptr;
    PathRule* rules_ = nullptr;
    PathRule** slots_ = nullptr;  // by hash, the next free one where it is taken; never more than half of them are
    std::uint32_t mask_ = 0;      // slots - 1: a power of two
    std::uint32_t count_ = 0;
    std::uint32_t longest_ = 0;  // units
};

}  // namespace aegis::driver
