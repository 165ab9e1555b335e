// Between the UTF-16 of Windows calls and the UTF-8 of the agent.
#pragma once

#include <string>
#include <string_view>

namespace aegis::client {

// Unpaired surrogates become U+FFFD.
std::string to_utf8(std::wstring_view text);
std::wstring to_utf16(std::string_view text);

}  // namespace aegis::client
