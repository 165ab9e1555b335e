// The events that a policy file names.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "aegis/policy.h"

namespace aegis::agent {

struct EventName {
    std::string_view name;
    std::uint16_t type;
    bool has_path;  // so rules and merging make sense for it
    bool refusable = false;
    std::uint32_t operations = AEGIS_POLICY_OPERATION_ANY;  // all that it has
};

inline constexpr EventName kEvents[] = {
    {"process-start", AEGIS_EVENT_PROCESS_CREATE, true, true},
    {"process-end", AEGIS_EVENT_PROCESS_EXIT, false},
    {"thread-start", AEGIS_EVENT_THREAD_CREATE, false},
    {"thread-end", AEGIS_EVENT_THREAD_EXIT, false},
    {"image-load", AEGIS_EVENT_IMAGE_LOAD, true},
    {"handle", AEGIS_EVENT_HANDLE_OP, false, false, (1U << AEGIS_HANDLE_OPERATIONS) - 1},
    {"registry-change", AEGIS_EVENT_REGISTRY_OP, true, true, (1U << AEGIS_REGISTRY_OPERATIONS) - 1},
};

// Of registry-change, by AEGIS_REGISTRY_… number.
inline constexpr std::array<std::string_view, AEGIS_REGISTRY_OPERATIONS> kRegistryOperations = {
    "create-key", "set-value", "delete-key", "delete-value", "rename-key"};

// What a rule that does not say so is about, when its path begins so: keys have a root of their own.
inline constexpr std::u16string_view kRegistryRoot = u"\\REGISTRY";  // in upper case

inline const EventName* event_of(std::string_view name) {
    const auto* const found = std::find_if(std::begin(kEvents), std::end(kEvents),
                                           [name](const EventName& event) { return event.name == name; });
    return found == std::end(kEvents) ? nullptr : found;
}

// "a, b and c", of those that are asked for.
template <class Wanted>
std::string names_of_events(Wanted wanted) {
    std::vector<std::string_view> names;
    for (const EventName& event : kEvents) {
        if (wanted(event)) {
            names.push_back(event.name);
        }
    }
    const std::string_view last = names.back();
    names.pop_back();
    return names.empty() ? std::string(last) : fmt::format("{} and {}", fmt::join(names, ", "), last);
}

}  // namespace aegis::agent
