// What a registry event says.
#pragma once

#include <cstddef>
#include <string>

#include "aegis/event.h"

namespace aegis::test {

inline std::u16string key_text(const AEGIS_REGISTRY_PAYLOAD& told) {
    return {reinterpret_cast<const char16_t*>(told.Text), told.KeyLength};
}

inline std::u16string name_text(const AEGIS_REGISTRY_PAYLOAD& told) {
    return {reinterpret_cast<const char16_t*>(told.Text) + told.KeyLength, told.NameLength};
}

inline std::string data_text(const AEGIS_REGISTRY_PAYLOAD& told) {
    return {reinterpret_cast<const char*>(told.Text) + 2 * (std::size_t{told.KeyLength} + told.NameLength),
            told.DataLength};
}

}  // namespace aegis::test
