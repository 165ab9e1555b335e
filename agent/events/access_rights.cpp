#include "agent/events/access_rights.hpp"

#include <algorithm>

namespace aegis::agent {
namespace {

constexpr AccessRight kProcessRights[] = {
    {0x0001, "terminate"},     {0x0002, "create-thread"},   {0x0004, "set-session-id"}, {0x0008, "vm-operation"},
    {0x0010, "vm-read"},       {0x0020, "vm-write"},        {0x0040, "dup-handle"},     {0x0080, "create-process"},
    {0x0100, "set-quota"},     {0x0200, "set-information"}, {0x0400, "query"},          {0x0800, "suspend-resume"},
    {0x1000, "query-limited"}, {0x2000, "set-limited"},
};

constexpr AccessRight kThreadRights[] = {
    {0x0001, "terminate"},   {0x0002, "suspend-resume"},       {0x0004, "alert"},       {0x0008, "get-context"},
    {0x0010, "set-context"}, {0x0020, "set-information"},      {0x0040, "query"},       {0x0080, "set-token"},
    {0x0100, "impersonate"}, {0x0200, "direct-impersonation"}, {0x0400, "set-limited"}, {0x0800, "query-limited"},
    {0x1000, "resume"},
};

constexpr AccessRight kStandardRights[] = {
    {0x00010000, "delete"},          {0x00020000, "read-control"}, {0x00040000, "write-dac"},
    {0x00080000, "write-owner"},     {0x00100000, "synchronize"},  {0x01000000, "system-security"},
    {0x02000000, "maximum-allowed"}, {0x10000000, "generic-all"},  {0x20000000, "generic-execute"},
    {0x40000000, "generic-write"},   {0x80000000, "generic-read"},
};

}  // namespace

std::span<const AccessRight> rights_of(std::uint8_t object_type) {
    return object_type == AEGIS_HANDLE_PROCESS ? std::span<const AccessRight>(kProcessRights)
                                               : std::span<const AccessRight>(kThreadRights);
}

std::span<const AccessRight> standard_rights() {
    return kStandardRights;
}

std::optional<std::uint32_t> right_of_name(std::string_view name, std::uint8_t object_type) {
    if (name == kAllAccessName) {
        return kAllAccess;
    }
    for (const std::span<const AccessRight> rights : {rights_of(object_type), standard_rights()}) {
        const auto found =
            std::find_if(rights.begin(), rights.end(), [name](const AccessRight& right) { return right.name == name; });
        if (found != rights.end()) {
            return found->bit;
        }
    }
    return std::nullopt;
}

std::string every_right(std::uint8_t object_type) {
    std::string all(kAllAccessName);
    for (const std::span<const AccessRight> rights : {rights_of(object_type), standard_rights()}) {
        for (const AccessRight& right : rights) {
            all.append(", ").append(right.name);
        }
    }
    return all;
}

}  // namespace aegis::agent
