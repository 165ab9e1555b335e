// The pieces that lines of JSON are made of.
#pragma once

#include <cstdint>
#include <string_view>

#include "agent/events/lines.hpp"

namespace aegis::agent {

// Appends `text`, which is valid UTF-8, in quotes.
void append_json_string(std::string_view text, Lines& lines);

// Appends `field` when `flag` is among `flags`.
inline void append_flag(std::uint32_t flags, std::uint32_t flag, std::string_view field, Lines& lines) {
    if ((flags & flag) != 0) {
        append(lines, field);
    }
}

// 64-bit identifiers are strings: `field` ends with the opening quote. Nothing where it is not known.
inline void append_key(std::string_view field, std::uint64_t key, Lines& lines) {
    if (key != 0) {
        append(lines, field);
        append_number(lines, key);
        append(lines, "\"");
    }
}

// `field` and the text as a string, both or none: nothing for an empty text.
inline void append_text(std::string_view field, std::string_view text, Lines& lines) {
    if (!text.empty()) {
        append(lines, field);
        append_json_string(text, lines);
    }
}

}  // namespace aegis::agent
