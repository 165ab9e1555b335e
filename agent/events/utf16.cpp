#include "agent/events/utf16.hpp"

#include <fmt/compile.h>
#include <utf8.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace aegis::agent {
namespace {

constexpr std::size_t kUtf8BytesPerUnit = 3;  // a surrogate pair needs 4 bytes for 2 units
constexpr std::uint32_t kReplacement = 0xFFFD;

bool is_lead(char16_t unit) {
    return unit >= 0xD800 && unit <= 0xDBFF;
}

bool is_trail(char16_t unit) {
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

std::uint32_t combine(char16_t lead, char16_t trail) {
    return 0x10000U + ((std::uint32_t{lead} - 0xD800U) << 10U) + (std::uint32_t{trail} - 0xDC00U);
}

bool is_plain(char c) {
    return c >= 0x20 && c < 0x7F;
}

bool is_disruptive(std::uint32_t code_point) {
    return code_point < 0x20 || (code_point >= 0x7F && code_point <= 0x9F) ||
           (code_point >= 0x200E && code_point <= 0x200F) ||  // left-to-right and right-to-left mark
           (code_point >= 0x2028 && code_point <= 0x202E) ||  // separators, embeddings and overrides
           (code_point >= 0x2066 && code_point <= 0x2069) ||  // isolates
           code_point == 0x061C;                              // Arabic letter mark
}

}  // namespace

bool append_utf8(std::u16string_view text, Lines& lines) {
    const std::size_t start = lines.size();
    lines.resize(start + text.size() * kUtf8BytesPerUnit);
    char* out = lines.data() + start;

    // Nearly every path is ASCII; this loop is what the compiler can make wide.
    char16_t all = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        all = static_cast<char16_t>(all | text[i]);
        out[i] = static_cast<char>(text[i]);
    }
    if (all < 0x80) {
        lines.resize(start + text.size());
        return false;
    }

    bool replaced = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::uint32_t code_point = text[i];
        if (is_lead(text[i]) && i + 1 < text.size() && is_trail(text[i + 1])) {
            code_point = combine(text[i], text[i + 1]);
            ++i;
        } else if (is_lead(text[i]) || is_trail(text[i])) {
            code_point = kReplacement;
            replaced = true;
        }
        out = utf8::unchecked::append(code_point, out);
    }
    lines.resize(static_cast<std::size_t>(out - lines.data()));
    return replaced;
}

void append_printable(std::string_view utf8, Lines& lines) {
    if (std::all_of(utf8.begin(), utf8.end(), is_plain)) {
        append(lines, utf8);
        return;
    }
    for (const char* next = utf8.data(); next != utf8.data() + utf8.size();) {
        const char* const begin = next;
        const std::uint32_t code_point = utf8::unchecked::next(next);
        if (is_disruptive(code_point)) {
            fmt::format_to(std::back_inserter(lines), FMT_COMPILE("\\u{:04x}"), code_point);
        } else {
            lines.append(begin, next);
        }
    }
}

}  // namespace aegis::agent
