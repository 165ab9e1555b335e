#include "driver/host/executive/text.hpp"

#include <utf8.h>

#include <iterator>

namespace aegis::host {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

bool is_lead(char16_t unit) {
    return (unit & 0xFC00) == 0xD800;
}

bool is_trail(char16_t unit) {
    return (unit & 0xFC00) == 0xDC00;
}

}  // namespace

std::string to_utf8(std::u16string_view text) {
    std::string result;
    for (std::size_t index = 0; index < text.size(); ++index) {
        const char16_t unit = text[index];
        char32_t point = unit;
        if (is_lead(unit) && index + 1 < text.size() && is_trail(text[index + 1])) {
            point = 0x10000U + ((unit & 0x3FFU) << 10) + (text[++index] & 0x3FFU);
        } else if (is_lead(unit) || is_trail(unit)) {
            point = kReplacement;
        }
        utf8::append(point, std::back_inserter(result));
    }
    return result;
}

}  // namespace aegis::host
