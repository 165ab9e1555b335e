#include "agent/client/win32/error_text.hpp"

#include <fmt/format.h>
#include <windows.h>

#include <string_view>

#include "agent/client/win32/utf8.hpp"

namespace aegis::client {

std::string describe_windows_error(std::uint32_t error) {
    constexpr DWORD kMostUnits = 512;
    wchar_t text[kMostUnits];
    const DWORD units = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, error, 0,
                                       text, kMostUnits, nullptr);
    std::wstring_view message(text, units);
    while (!message.empty() &&
           (message.back() == L'\n' || message.back() == L'\r' || message.back() == L'.' || message.back() == L' ')) {
        message.remove_suffix(1);
    }
    return message.empty() ? fmt::format("error {}", error) : fmt::format("error {} ({})", error, to_utf8(message));
}

}  // namespace aegis::client
