// Rights to processes and threads by name, as lines show them and policies write them: "terminate", "vm-write", ….
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "aegis/event.h"

namespace aegis::agent {

struct AccessRight {
    std::uint32_t bit;
    std::string_view name;
};

// Stands for all of them together.
inline constexpr std::uint32_t kAllAccess = 0x1FFFFF;
inline constexpr std::string_view kAllAccessName = "all-access";

// `object_type` is AEGIS_HANDLE_PROCESS or AEGIS_HANDLE_THREAD, here and below. The rights that only such an object
// has, the lowest bit first; and those of every object.
std::span<const AccessRight> rights_of(std::uint8_t object_type);
std::span<const AccessRight> standard_rights();

// Calls `visit` with the name of each bit that is set, the lowest first. Returns the bits that have no name.
template <class Visit>
std::uint32_t for_each_right(std::uint32_t access, std::uint8_t object_type, Visit&& visit) {
    if ((access & kAllAccess) == kAllAccess) {
        visit(kAllAccessName);
        access &= ~kAllAccess;
    }
    for (const std::span<const AccessRight> rights : {rights_of(object_type), standard_rights()}) {
        for (const AccessRight& right : rights) {
            if ((access & right.bit) != 0) {
                visit(right.name);
                access &= ~right.bit;
            }
        }
    }
    return access;
}

// What a name stands for; none where it is no right of such an object.
std::optional<std::uint32_t> right_of_name(std::string_view name, std::uint8_t object_type);

// Every name there is, for a message: "all-access, terminate, …".
std::string every_right(std::uint8_t object_type);

}  // namespace aegis::agent
