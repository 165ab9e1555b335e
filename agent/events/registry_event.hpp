// What a registry event says, in the words of both formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "aegis/event.h"

namespace aegis::agent {

// Texts of a decoded payload. A cut one has its beginning, three full stops and its end.
std::u16string_view key_of(const AEGIS_REGISTRY_PAYLOAD& change);
std::u16string_view name_of(const AEGIS_REGISTRY_PAYLOAD& change);
// The first bytes of the data.
std::span<const std::byte> data_of(const AEGIS_REGISTRY_PAYLOAD& change);

// REG_SZ and the like.
inline constexpr std::uint32_t kRegSz = 1;
inline constexpr std::uint32_t kRegExpandSz = 2;
inline constexpr std::uint32_t kRegDword = 4;
inline constexpr std::uint32_t kRegMultiSz = 7;
inline constexpr std::uint32_t kRegQword = 11;

// "REG_SZ"; empty for a number that has no name.
std::string_view value_type_name(std::uint32_t type);

// Whether its data are text.
bool is_text(std::uint32_t type);

// A number, where the type is one and all of it is there.
bool number_of(const AEGIS_REGISTRY_PAYLOAD& change, std::uint64_t* number);

// Data that are text as what they hold: one string, or those of a list, without terminators. Calls `take` with each, at
// least once. `scratch` has room for AEGIS_REGISTRY_TEXT units.
template <class Take>
void for_each_string(const AEGIS_REGISTRY_PAYLOAD& change, char16_t* scratch, Take take);

// Takes the next string of a list from the front of `list`; whether there was one.
bool take_string(std::uint32_t type, std::u16string_view* list, std::u16string_view* string);
// The data as UTF-16, copied to `scratch`, because an event's bytes need not be aligned; terminators at the end are
// off.
std::u16string_view text_data(const AEGIS_REGISTRY_PAYLOAD& change, char16_t* scratch);

template <class Take>
void for_each_string(const AEGIS_REGISTRY_PAYLOAD& change, char16_t* scratch, Take take) {
    std::u16string_view list = text_data(change, scratch);
    std::u16string_view string;
    bool first = true;
    while (take_string(change.ValueType, &list, &string) || first) {
        take(string);
        string = {};
        first = false;
    }
}

}  // namespace aegis::agent
