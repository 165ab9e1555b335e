// The structs of aegis/client.h between callers of other releases and this library: each says its size, and neither
// side reads or writes beyond what the other one has.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "aegis/client.h"

namespace aegis::client {

// What each had in release 1.0, to the end of its last field: the least that a program ever says, for as long as the
// library is called libaegis.so.1. What is appended later changes none of these.
inline constexpr std::uint32_t kFirstOptions = offsetof(aegis_options, interrupt) + sizeof(aegis_options::interrupt);
inline constexpr std::uint32_t kFirstInfo = offsetof(aegis_info, not_watched) + sizeof(aegis_info::not_watched);
inline constexpr std::uint32_t kFirstItem = offsetof(aegis_item, data) + sizeof(aegis_item::data);
inline constexpr std::uint32_t kFirstStats = offsetof(aegis_stats, published) + sizeof(aegis_stats::published);
static_assert(sizeof(void*) != 8 || (kFirstOptions == 48 && kFirstInfo == 56 && kFirstItem == 48));
static_assert(kFirstStats == 184);

// No caller's struct is larger; a size beyond it is no size.
inline constexpr std::uint32_t kLargestStruct = 4096;

// The library's own struct into the caller's, of `size` bytes, which begins with that size; it stays as it is. What an
// earlier release does not have is left out; what a later one has beyond this is zero.
template <class Struct>
void hand_out(const Struct& own, std::uint32_t size, void* callers) {
    static_assert(offsetof(Struct, size) == 0);
    auto* const bytes = static_cast<std::byte*>(callers);
    const std::size_t known = std::min<std::size_t>(size, sizeof(own));
    std::memcpy(bytes + sizeof(size), reinterpret_cast<const std::byte*>(&own) + sizeof(size), known - sizeof(size));
    std::memset(bytes + known, 0, size - known);
}

// The caller's struct, of callers->size bytes, into the library's own: zero, which is every field's default, where an
// earlier release says nothing. False: a later one says something that this library does not know.
template <class Struct>
bool take_in(const Struct* callers, Struct& own) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(callers);
    std::uint32_t size = 0;
    std::memcpy(&size, bytes, sizeof(size));
    const std::size_t known = std::min<std::size_t>(size, sizeof(own));
    own = {};
    std::memcpy(&own, bytes, known);
    return std::all_of(bytes + known, bytes + size, [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace aegis::client
