// Rules by path, and the path that they are measured with.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/policy_blob.hpp"

namespace aegis::bench {

// 64 UTF-16 units, eight folders deep: what the costs in docs/policy.md are said of.
inline constexpr std::u16string_view kPath64 =
    u"\\Device\\HarddiskVolume3\\Windows\\System32\\a\\bb\\ccc\\ddddd\\prog.exe";
static_assert(kPath64.size() == 64);

// So many rules that do not name kPath64, about `types`. Short: 1024 of them have to fit into 64 KiB.
inline std::vector<agent::PolicyRule> rules_beside(std::int64_t count, std::uint32_t types) {
    std::vector<agent::PolicyRule> rules;
    for (std::int64_t i = 1; i <= count; ++i) {
        std::u16string path = u"\\Device\\Folder0000";
        for (std::size_t digit = 0, rest = static_cast<std::size_t>(i); digit < 4; ++digit, rest /= 10) {
            path[path.size() - 1 - digit] = static_cast<char16_t>(u'0' + rest % 10);
        }
        rules.push_back({std::move(path), types, AEGIS_POLICY_REPORT});
    }
    return rules;
}

}  // namespace aegis::bench
