#include "agent/config/policy_blob.hpp"

#include <algorithm>
#include <span>

namespace aegis::agent {
namespace {

template <class T>
std::byte* append_values(std::byte* to, std::span<const T> values) {
    const auto bytes = std::as_bytes(values);
    return std::copy(bytes.begin(), bytes.end(), to);
}

}  // namespace

std::vector<std::byte> policy_blob(const PolicyTypes& types, const std::vector<PolicyRule>& paths,
                                   const std::vector<PolicyRule>& images, const std::vector<PolicyRule>& extensions,
                                   const HandlePolicy& handles) {
    std::vector<AEGIS_POLICY_RULE> rules;
    std::u16string text;
    for (const std::vector<PolicyRule>* const section : {&paths, &images, &extensions}) {
        for (const PolicyRule& rule : *section) {
            rules.push_back({rule.types, static_cast<std::uint16_t>(rule.text.size()), rule.action, 0});
            text += rule.text;
        }
    }
    AEGIS_POLICY_HEADER header{};
    header.Magic = AEGIS_POLICY_MAGIC;
    header.Version = AEGIS_POLICY_VERSION;
    std::copy(types.begin(), types.end(), header.Types);
    std::size_t end = sizeof(header);
    const auto section = [&](unsigned index, std::size_t count, std::size_t entry_bytes) {
        header.Sections[index] = {static_cast<std::uint32_t>(end), static_cast<std::uint32_t>(count)};
        end += count * entry_bytes;
    };
    section(AEGIS_POLICY_PATHS, paths.size(), sizeof(AEGIS_POLICY_RULE));
    section(AEGIS_POLICY_IMAGES, images.size(), sizeof(AEGIS_POLICY_RULE));
    section(AEGIS_POLICY_EXTENSIONS, extensions.size(), sizeof(AEGIS_POLICY_RULE));
    section(AEGIS_POLICY_HANDLE_MASKS, handles.masks.size(), sizeof(AEGIS_POLICY_HANDLES));
    section(AEGIS_POLICY_PROTECTED, handles.processes.size(), sizeof(AEGIS_POLICY_PROCESS));
    section(AEGIS_POLICY_TEXT, text.size(), sizeof(char16_t));
    header.Bytes = static_cast<std::uint32_t>(end);

    std::vector<std::byte> blob(end);
    std::byte* to = append_values(blob.data(), std::span<const AEGIS_POLICY_HEADER>(&header, 1));
    to = append_values(to, std::span<const AEGIS_POLICY_RULE>(rules));
    to = append_values(to, std::span<const AEGIS_POLICY_HANDLES>(handles.masks));
    to = append_values(to, std::span<const AEGIS_POLICY_PROCESS>(handles.processes));
    append_values(to, std::span<const char16_t>(text));
    return blob;
}

}  // namespace aegis::agent
