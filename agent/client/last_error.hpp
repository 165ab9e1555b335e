// What went wrong in a thread's last call that failed.
#pragma once

#include <cstdint>
#include <string_view>

namespace aegis::client {

// Keeps `text` for aegis_last_error, cut where it is very long. Returns `code`.
std::int32_t fail(std::int32_t code, std::string_view text) noexcept;

}  // namespace aegis::client
