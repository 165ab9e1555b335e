// Security identifiers, as a token carries them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "agent/events/lines.hpp"

namespace aegis::agent {

// Appends S-1-5-21-…; nothing, and false, for bytes that are no SID.
bool append_sid(std::span<const std::byte> sid, Lines& lines);

// The user id of Unix that S-1-22-1-N stands for, as Samba has it.
std::optional<std::uint32_t> unix_user(std::span<const std::byte> sid);

}  // namespace aegis::agent
