#include "agent/events/sid.hpp"

#include <cstring>
#include <string_view>

namespace aegis::agent {
namespace {

// Revision, number of sub-authorities, identifier authority of six bytes, most significant first; then the
// sub-authorities, four bytes each.
constexpr std::size_t kFixedBytes = 8;
constexpr unsigned kRevision = 1;
constexpr unsigned kMostSubAuthorities = 15;
constexpr std::uint64_t kUnixAuthority = 22;
constexpr std::uint32_t kUnixUsers = 1;

unsigned byte_at(std::span<const std::byte> sid, std::size_t index) {
    return std::to_integer<unsigned>(sid[index]);
}

bool is_valid(std::span<const std::byte> sid) {
    return sid.size() >= kFixedBytes && byte_at(sid, 0) == kRevision && byte_at(sid, 1) <= kMostSubAuthorities &&
           sid.size() == kFixedBytes + byte_at(sid, 1) * sizeof(std::uint32_t);
}

std::uint64_t authority_of(std::span<const std::byte> sid) {
    std::uint64_t authority = 0;
    for (std::size_t i = 2; i < kFixedBytes; ++i) {
        authority = authority << 8 | byte_at(sid, i);
    }
    return authority;
}

std::uint32_t sub_authority(std::span<const std::byte> sid, std::size_t index) {
    std::uint32_t value = 0;
    std::memcpy(&value, &sid[kFixedBytes + index * sizeof(value)], sizeof(value));
    return value;
}

}  // namespace

bool append_sid(std::span<const std::byte> sid, Lines& lines) {
    if (!is_valid(sid)) {
        return false;
    }
    append(lines, "S-1-");
    append_number(lines, authority_of(sid));
    for (std::size_t i = 0; i < byte_at(sid, 1); ++i) {
        append(lines, "-");
        append_number(lines, sub_authority(sid, i));
    }
    return true;
}

std::optional<std::uint32_t> unix_user(std::span<const std::byte> sid) {
    const bool matches = is_valid(sid) && byte_at(sid, 1) == 2 && authority_of(sid) == kUnixAuthority &&
                         sub_authority(sid, 0) == kUnixUsers;
    return matches ? std::optional(sub_authority(sid, 1)) : std::nullopt;
}

}  // namespace aegis::agent
