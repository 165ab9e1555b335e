#include "driver/host/sources/synthetic_registry.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace aegis::host::sources {
namespace {

constexpr std::uint64_t kMostChangedValues = 6;
constexpr std::size_t kTooLongKey = 600;
constexpr std::uint64_t kMostBinaryBytes = 300;

// REG_…
constexpr std::uint32_t kText = 1;
constexpr std::uint32_t kBinary = 3;
constexpr std::uint32_t kNumber = 4;

constexpr std::array<std::u16string_view, 8> kChangedKeys = {
    u"\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run",
    u"\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon",
    u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\Tcpip\\Parameters",
    u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\bam\\State\\UserSettings",
    u"\\REGISTRY\\USER\\S-1-5-21-1004336348-1177238915-682003330-1001\\Software\\Microsoft\\Office",
    u"\\REGISTRY\\USER\\S-1-5-21-1004336348-1177238915-682003330-1001\\Software\\Jürgen",
    u"\\REGISTRY\\USER\\.DEFAULT\\Control Panel\\International",
    u"\\REGISTRY\\A\\{cb3f0e46-7ff4-4f20-a9a5-1b8c9e2f7d11}\\LocalState",
};

constexpr std::array<std::u16string_view, 8> kValueNames = {
    u"LastUsed", u"Start", u"ImagePath", u"WindowPosition", u"MRUListEx", u"", u"Größe", u"設定",
};

constexpr std::array<std::u16string_view, 4> kValueTexts = {
    u"C:\\Program Files\\Vendor\\agent.exe -service",
    u"%SystemRoot%\\system32\\svchost.exe -k netsvcs -p",
    u"de-DE",
    u"",
};

void append(std::vector<std::byte>& data, std::u16string_view text) {
    for (const char16_t unit : text) {
        data.push_back(static_cast<std::byte>(unit & 0xFF));
        data.push_back(static_cast<std::byte>(unit >> 8));
    }
}

}  // namespace

std::u16string SyntheticRegistry::key() {
    std::u16string key(kChangedKeys[below(kChangedKeys.size())]);
    if (once_in(256)) {
        key.append(u"\\").append(kTooLongKey, u'k');
    }
    return key;
}

SyntheticRegistryChange SyntheticRegistry::set_value(std::uint32_t pid, std::u16string key) {
    SyntheticRegistryChange change;
    change.pid = pid;
    change.key = std::move(key);
    change.name = kValueNames[below(kValueNames.size())];
    switch (below(3)) {
        case 0:
            change.type = kText;
            append(change.data, kValueTexts[below(kValueTexts.size())]);
            append(change.data, std::u16string_view(u"\0", 1));
            break;
        case 1:
            change.type = kNumber;
            change.data.assign(sizeof(std::uint32_t), std::byte(below(256)));
            break;
        default:
            change.type = kBinary;
            change.data.assign(below(kMostBinaryBytes), std::byte(below(256)));
            break;
    }
    return change;
}

std::vector<SyntheticRegistryChange> SyntheticRegistry::after(const SyntheticEvent& start) {
    std::vector<SyntheticRegistryChange> changes;
    std::u16string filled;
    if (once_in(8)) {
        filled = key().append(u"\\New-").append(1, static_cast<char16_t>(u'a' + below(26)));
        changes.push_back({start.pid, RegistryChanged::Kind::kCreateKey, filled, {}, 0, {}});
    }
    for (std::uint64_t more = below(kMostChangedValues + 1); more > 0; --more) {
        changes.push_back(set_value(start.pid, filled.empty() ? key() : filled));
    }
    if (once_in(16)) {
        const bool value = once_in(2);
        changes.push_back({start.pid,
                           value ? RegistryChanged::Kind::kDeleteValue : RegistryChanged::Kind::kDeleteKey,
                           key(),
                           value ? std::u16string(kValueNames[below(kValueNames.size())]) : std::u16string(),
                           0,
                           {}});
    }
    if (once_in(128)) {
        changes.push_back({start.pid, RegistryChanged::Kind::kRenameKey, key(), u"Renamed", 0, {}});
    }
    return changes;
}

}  // namespace aegis::host::sources
