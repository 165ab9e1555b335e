// Windows error numbers as a person reads them.
#pragma once

#include <cstdint>
#include <string>

namespace aegis::client {

// "error 5 (Access is denied)", in UTF-8; the number alone where the system has no text.
std::string describe_windows_error(std::uint32_t error);

}  // namespace aegis::client
