#include "driver/host/server/refused_paths.hpp"

#include <ntifs.h>

#include <algorithm>
#include <cstring>

#include "aegis/policy.h"

namespace aegis::host::server {
namespace {

constexpr char16_t kSeparator = u'\\';

// As the driver does: case and kind of separator mean nothing.
std::u16string fold(std::u16string_view path) {
    std::u16string folded(path);
    for (char16_t& unit : folded) {
        unit = unit == u'/' ? kSeparator : static_cast<char16_t>(RtlUpcaseUnicodeChar(static_cast<WCHAR>(unit)));
    }
    return folded;
}

// Both folded. The root is above everything.
bool is_at_or_below(std::u16string_view path, std::u16string_view folder) {
    return path.starts_with(folder) &&
           (path.size() == folder.size() || folder.ends_with(kSeparator) || path[folder.size()] == kSeparator);
}

}  // namespace

RefusedPaths::RefusedPaths(std::span<const std::byte> blob) {
    AEGIS_POLICY_HEADER header;
    std::memcpy(&header, blob.data(), sizeof(header));
    const AEGIS_POLICY_SECTION& paths = header.Sections[AEGIS_POLICY_PATHS];
    const std::byte* text = blob.data() + header.Sections[AEGIS_POLICY_TEXT].Offset;
    for (std::uint32_t i = 0; i < paths.Count; ++i) {
        AEGIS_POLICY_RULE from;
        std::memcpy(&from, blob.data() + paths.Offset + i * sizeof(from), sizeof(from));
        std::u16string path(from.TextUnits, u'\0');
        std::memcpy(path.data(), text, path.size() * sizeof(char16_t));
        text += path.size() * sizeof(char16_t);
        if ((from.Types & 1U << AEGIS_EVENT_PROCESS_CREATE) != 0) {
            rules_.push_back({fold(path), from.Action == AEGIS_POLICY_REFUSE});
            any_ = any_ || rules_.back().refuses;
        }
    }
    // The longest first.
    std::stable_sort(rules_.begin(), rules_.end(),
                     [](const Rule& a, const Rule& b) { return a.path.size() > b.path.size(); });
}

bool RefusedPaths::refuses(std::u16string_view path) const {
    const std::u16string folded = fold(path);
    const auto rule = std::find_if(rules_.begin(), rules_.end(),
                                   [&](const Rule& candidate) { return is_at_or_below(folded, candidate.path); });
    return rule != rules_.end() && rule->refuses;
}

bool RefusedPaths::concerns(std::u16string_view folder) const {
    const std::u16string folded = fold(folder);
    return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
        return rule.refuses && (is_at_or_below(folded, rule.path) || is_at_or_below(rule.path, folded));
    });
}

}  // namespace aegis::host::server
