// Counted UTF-16 strings of NT, for lookups and messages.
#pragma once

#include <ntifs.h>

#include <string>
#include <string_view>

namespace aegis::host {

inline std::u16string_view view(PCUNICODE_STRING string) {
    return {string->Buffer, string->Length / sizeof(WCHAR)};
}

// UTF-8 for a reader: an unpaired surrogate becomes U+FFFD.
std::string to_utf8(std::u16string_view text);

}  // namespace aegis::host
