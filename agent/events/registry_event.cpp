#include "agent/events/registry_event.hpp"

#include <array>
#include <cstring>

namespace aegis::agent {
namespace {

// By number.
constexpr std::array<std::string_view, 12> kTypes = {
    "REG_NONE",
    "REG_SZ",
    "REG_EXPAND_SZ",
    "REG_BINARY",
    "REG_DWORD",
    "REG_DWORD_BIG_ENDIAN",
    "REG_LINK",
    "REG_MULTI_SZ",
    "REG_RESOURCE_LIST",
    "REG_FULL_RESOURCE_DESCRIPTOR",
    "REG_RESOURCE_REQUIREMENTS_LIST",
    "REG_QWORD",
};

const char16_t* text_at(const AEGIS_REGISTRY_PAYLOAD& change, std::size_t unit) {
    return reinterpret_cast<const char16_t*>(change.Text) + unit;
}

}  // namespace

std::u16string_view key_of(const AEGIS_REGISTRY_PAYLOAD& change) {
    return {text_at(change, 0), change.KeyLength};
}

std::u16string_view name_of(const AEGIS_REGISTRY_PAYLOAD& change) {
    return {text_at(change, change.KeyLength), change.NameLength};
}

std::span<const std::byte> data_of(const AEGIS_REGISTRY_PAYLOAD& change) {
    const std::size_t texts = std::size_t{change.KeyLength} + change.NameLength;
    return std::as_bytes(std::span(change.Text).subspan(texts)).first(change.DataLength);
}

std::string_view value_type_name(std::uint32_t type) {
    return type < kTypes.size() ? kTypes[type] : std::string_view();
}

bool is_text(std::uint32_t type) {
    return type == kRegSz || type == kRegExpandSz || type == kRegMultiSz;
}

bool number_of(const AEGIS_REGISTRY_PAYLOAD& change, std::uint64_t* number) {
    const std::size_t bytes = change.ValueType == kRegDword   ? sizeof(std::uint32_t)
                              : change.ValueType == kRegQword ? sizeof(std::uint64_t)
                                                              : 0;
    *number = 0;
    if (bytes == 0 || change.DataSize != bytes || change.DataLength != bytes) {
        return false;
    }
    std::memcpy(number, data_of(change).data(), bytes);
    return true;
}

std::u16string_view text_data(const AEGIS_REGISTRY_PAYLOAD& change, char16_t* scratch) {
    const std::span<const std::byte> data = data_of(change);
    std::size_t units = data.size() / sizeof(char16_t);
    std::memcpy(scratch, data.data(), units * sizeof(char16_t));
    while (units != 0 && scratch[units - 1] == u'\0') {
        --units;
    }
    return {scratch, units};
}

bool take_string(std::uint32_t type, std::u16string_view* list, std::u16string_view* string) {
    if (list->empty()) {
        return false;
    }
    const std::size_t end = type == kRegMultiSz ? list->find(u'\0') : std::u16string_view::npos;
    *string = list->substr(0, end);
    list->remove_prefix(end == std::u16string_view::npos ? list->size() : end + 1);
    return true;
}

}  // namespace aegis::agent
