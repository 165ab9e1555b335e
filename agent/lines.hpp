// The growing text a worker formats lines into, and how to append to it fast.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

namespace aegis::agent {

// Keeps its capacity when it is cleared: after the first events nothing is allocated.
using Lines = fmt::memory_buffer;

inline void append(Lines& lines, std::string_view text) {
    lines.append(text.data(), text.data() + text.size());
}

template <class Integer>
void append_number(Lines& lines, Integer number) {
    const fmt::format_int digits(number);
    lines.append(digits.data(), digits.data() + digits.size());
}

}  // namespace aegis::agent
