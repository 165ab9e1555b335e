// The driver's statuses, which are NT's, in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aegis::client {

// "no room for another one (status 0xC0000044)", or "status 0x…" for a value that no caller of this driver meets.
std::string describe_status(std::uint32_t status);

// What to do about a host that does not answer.
std::string_view no_answer_advice();

}  // namespace aegis::client
