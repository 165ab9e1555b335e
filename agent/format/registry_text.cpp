#include "agent/format/registry_text.hpp"

#include <fmt/compile.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "agent/events/registry_event.hpp"
#include "agent/events/utf16.hpp"

namespace aegis::agent {
namespace {

// More of something that is no text tells nobody anything.
constexpr std::size_t kMostBytesShown = 32;

void append_units(std::u16string_view text, Lines& lines) {
    Lines utf8;
    append_utf8(text, utf8);
    append_printable({utf8.data(), utf8.size()}, lines);
}

void append_quoted(std::u16string_view text, Lines& lines) {
    append(lines, "\"");
    append_units(text, lines);
    append(lines, "\"");
}

void append_bytes(std::span<const std::byte> data, Lines& lines) {
    const auto shown = data.first(std::min(data.size(), kMostBytesShown));
    for (const std::byte byte : shown) {
        fmt::format_to(std::back_inserter(lines), FMT_COMPILE("{:02x}"), std::to_integer<unsigned>(byte));
    }
    if (shown.size() < data.size()) {
        append(lines, "...");
    }
}

void append_shown_data(const AEGIS_REGISTRY_PAYLOAD& change, Lines& lines) {
    append(lines, " ");
    const std::string_view type = value_type_name(change.ValueType);
    if (type.empty()) {
        append(lines, "type-");
        append_number(lines, change.ValueType);
    } else {
        append(lines, type);
    }
    append(lines, " ");
    std::uint64_t number = 0;
    if (number_of(change, &number)) {
        append_number(lines, number);
    } else if (is_text(change.ValueType)) {
        char16_t scratch[AEGIS_REGISTRY_TEXT];
        bool first = true;
        for_each_string(change, scratch, [&](std::u16string_view string) {
            append(lines, first ? "" : ", ");
            append_quoted(string, lines);
            first = false;
        });
    } else {
        append_bytes(data_of(change), lines);
    }
}

void append_registry_cut(const char* what, std::uint32_t length, const char* unit, Lines& lines) {
    fmt::format_to(std::back_inserter(lines), FMT_COMPILE(" [{} cut: {} {}]"), what, length, unit);
}

void append_registry_marks(const AEGIS_REGISTRY_PAYLOAD& change, Lines& lines) {
    if ((change.Flags & AEGIS_REGISTRY_KEY_CUT) != 0) {
        append_registry_cut("key", change.KeyFullLength, "units", lines);
    }
    if ((change.Flags & AEGIS_REGISTRY_NAME_CUT) != 0) {
        append_registry_cut("name", change.NameFullLength, "units", lines);
    }
    if ((change.Flags & AEGIS_REGISTRY_DATA_CUT) != 0) {
        append_registry_cut("data", change.DataSize, "bytes", lines);
    }
    if ((change.Flags & AEGIS_REGISTRY_REFUSED) != 0) {
        append(lines, " [refused]");
    } else if (change.Status < 0) {
        fmt::format_to(std::back_inserter(lines), FMT_COMPILE(" [failed: 0x{:08x}]"),
                       static_cast<std::uint32_t>(change.Status));
    }
}

}  // namespace

std::string_view registry_word(const AEGIS_REGISTRY_PAYLOAD& change) {
    switch (change.Operation) {
        case AEGIS_REGISTRY_CREATE_KEY:
            return " REGISTRY-CREATE-KEY";
        case AEGIS_REGISTRY_SET_VALUE:
            return " REGISTRY-SET-VALUE";
        case AEGIS_REGISTRY_DELETE_KEY:
            return " REGISTRY-DELETE-KEY";
        case AEGIS_REGISTRY_DELETE_VALUE:
            return " REGISTRY-DELETE-VALUE";
        case AEGIS_REGISTRY_RENAME_KEY:
            return " REGISTRY-RENAME-KEY";
        default:
            return " REGISTRY-CHANGE";
    }
}

void append_registry_text(const AEGIS_REGISTRY_PAYLOAD& change, Lines& lines) {
    append(lines, " ");
    if (change.KeyLength == 0) {
        append(lines, "<unknown>");
    } else {
        append_units(key_of(change), lines);
    }
    const bool has_name =
        change.Operation != AEGIS_REGISTRY_CREATE_KEY && change.Operation != AEGIS_REGISTRY_DELETE_KEY;
    if (has_name) {
        append(lines, change.Operation == AEGIS_REGISTRY_RENAME_KEY ? " to " : " value ");
        append_quoted(name_of(change), lines);
    }
    if (change.Operation == AEGIS_REGISTRY_SET_VALUE) {
        append_shown_data(change, lines);
    }
    append_registry_marks(change, lines);
}

}  // namespace aegis::agent
