// The driver's UTF-16 as UTF-8 that any reader accepts.
#pragma once

#include <string_view>

#include "agent/events/lines.hpp"

namespace aegis::agent {

// Appends `text` as valid UTF-8. Each surrogate without its partner becomes U+FFFD; true when there was one.
bool append_utf8(std::u16string_view text, Lines& lines);

// Appends valid UTF-8 for one line of text that a person reads: what would break the line, move the cursor or turn
// the direction of writing (C0, DEL, C1, line and paragraph separators, bidirectional controls) becomes \uXXXX.
// Backslashes stay as they are: they belong to NT paths.
void append_printable(std::string_view utf8, Lines& lines);

}  // namespace aegis::agent
