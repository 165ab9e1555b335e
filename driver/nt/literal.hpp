// A string literal with its length: nothing counts it at run time, and it lies in memory that is never paged.
#pragma once

#include <cstddef>
#include <cstdint>

namespace aegis::driver {

struct Literal {
    template <std::size_t kBytes>
    constexpr Literal(const char (&literal)[kBytes])  // NOLINT(google-explicit-constructor): a literal is one
        : text(literal), bytes(kBytes) {}

    const char* text;     // ends with a zero
    std::uint32_t bytes;  // with that zero
};

}  // namespace aegis::driver
