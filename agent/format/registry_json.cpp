#include "agent/format/registry_json.hpp"

#include <fmt/compile.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <string>

#include "agent/events/registry_event.hpp"
#include "agent/events/utf16.hpp"
#include "agent/format/json_text.hpp"

namespace aegis::agent {
namespace {

constexpr std::u16string_view kRootKey = u"\\REGISTRY\\";

void append_json_string(std::u16string_view text, Lines& lines) {
    Lines utf8;
    append_utf8(text, utf8);
    agent::append_json_string(std::string_view(utf8.data(), utf8.size()), lines);
}

struct ActionWords {
    std::string_view type;
    std::string_view action;
};

// By AEGIS_REGISTRY_… operation.
constexpr std::array<ActionWords, AEGIS_REGISTRY_OPERATIONS> kWords = {{
    {"creation", "registry-create-key"},
    {"change", "registry-set-value"},
    {"deletion", "registry-delete-key"},
    {"deletion", "registry-delete-value"},
    {"change", "registry-rename-key"},
}};
constexpr ActionWords kOtherWords = {"change", "registry-change"};

struct Hive {
    std::u16string_view root;
    std::u16string_view name;
};

constexpr Hive kHives[] = {{u"MACHINE", u"HKLM"}, {u"USER", u"HKU"}};

bool equals_in_ascii(std::u16string_view left, std::u16string_view right) {
    const auto upper = [](char16_t unit) { return unit >= u'a' && unit <= u'z' ? unit - u'a' + u'A' : unit; };
    return left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin(),
                                                     [&](char16_t a, char16_t b) { return upper(a) == upper(b); });
}

struct KeyParts {
    std::u16string_view hive;
    std::u16string_view key;  // below the hive
};

// \REGISTRY\MACHINE\SOFTWARE\x: HKLM and SOFTWARE\x. What is no such path has no hive.
KeyParts parts_of(std::u16string_view path) {
    if (!equals_in_ascii(path.substr(0, kRootKey.size()), kRootKey)) {
        return {{}, path};
    }
    path.remove_prefix(kRootKey.size());
    const std::size_t end = std::min(path.find(u'\\'), path.size());
    KeyParts parts{path.substr(0, end), path.substr(std::min(end + 1, path.size()))};
    for (const Hive& hive : kHives) {
        if (equals_in_ascii(parts.hive, hive.root)) {
            parts.hive = hive.name;
        }
    }
    return parts;
}

bool names_a_value(const AEGIS_REGISTRY_PAYLOAD& change) {
    return change.Operation == AEGIS_REGISTRY_SET_VALUE || change.Operation == AEGIS_REGISTRY_DELETE_VALUE;
}

void append_base64(std::span<const std::byte> data, Lines& lines) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < data.size(); i += 3) {
        const std::size_t bytes = std::min<std::size_t>(3, data.size() - i);
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            group = group << 8 | (j < bytes ? std::to_integer<std::uint32_t>(data[i + j]) : 0);
        }
        for (std::size_t j = 0; j < 4; ++j) {
            lines.push_back(j <= bytes ? kDigits[group >> (18 - 6 * j) & 0x3F] : '=');
        }
    }
}

void append_data_fields(const AEGIS_REGISTRY_PAYLOAD& change, Lines& lines) {
    append(lines, R"(,"data":{"type":")");
    const std::string_view type = value_type_name(change.ValueType);
    if (type.empty()) {
        append_number(lines, change.ValueType);
    } else {
        append(lines, type);
    }
    append(lines, "\"");
    std::uint64_t number = 0;
    if (number_of(change, &number)) {
        append(lines, R"(,"strings":[")");
        append_number(lines, number);
        append(lines, R"("])");
    } else if (is_text(change.ValueType)) {
        append(lines, R"(,"strings":[)");
        char16_t scratch[AEGIS_REGISTRY_TEXT];
        bool first = true;
        for_each_string(change, scratch, [&](std::u16string_view string) {
            append(lines, first ? "" : ",");
            append_json_string(string, lines);
            first = false;
        });
        append(lines, "]");
    } else if (change.DataLength != 0) {
        append(lines, R"(,"bytes":")");
        append_base64(data_of(change), lines);
        append(lines, "\"");
    }
    append(lines, "}");
}

void append_length(bool cut, std::string_view field, std::uint32_t length, Lines& lines) {
    if (cut) {
        append(lines, field);
        append_number(lines, length);
    }
}

}  // namespace

std::string_view registry_event_fields(const AEGIS_REGISTRY_PAYLOAD& change, Lines& scratch) {
    const ActionWords& words = change.Operation < kWords.size() ? kWords[change.Operation] : kOtherWords;
    scratch.clear();
    append(scratch, R"("kind":"event","category":["registry"],"type":[")");
    append(scratch, words.type);
    append(scratch, (change.Flags & AEGIS_REGISTRY_REFUSED) != 0 ? R"(","denied"],"action":")" : R"("],"action":")");
    append(scratch, words.action);
    append(scratch, change.Status < 0 ? R"(","outcome":"failure","code":"8")" : R"(","code":"8")");
    return {scratch.data(), scratch.size()};
}

void append_registry_fields(const AEGIS_REGISTRY_PAYLOAD& change, Lines& lines) {
    const KeyParts parts = parts_of(key_of(change));
    std::u16string path;
    if (!parts.hive.empty()) {
        append(lines, R"("hive":)");
        append_json_string(parts.hive, lines);
        append(lines, ",");
        path.append(parts.hive).append(parts.key.empty() ? u"" : u"\\");
    }
    path.append(parts.key);
    append(lines, R"("key":)");
    append_json_string(parts.key, lines);
    if (names_a_value(change)) {
        path.append(u"\\").append(name_of(change));
        append(lines, R"(,"value":)");
        append_json_string(name_of(change), lines);
    }
    append(lines, R"(,"path":)");
    append_json_string(path, lines);
    if (change.Operation == AEGIS_REGISTRY_SET_VALUE) {
        append_data_fields(change, lines);
    }
}

void append_aegis_registry_fields(const AEGIS_REGISTRY_PAYLOAD& change, Lines& lines) {
    fmt::format_to(std::back_inserter(lines), FMT_COMPILE(R"("status":"0x{:08x}")"),
                   static_cast<std::uint32_t>(change.Status));
    append(lines, R"(,"nt_key":)");
    append_json_string(key_of(change), lines);
    if (change.Operation == AEGIS_REGISTRY_RENAME_KEY) {
        append(lines, R"(,"new_name":)");
        append_json_string(name_of(change), lines);
    }
    if (change.Operation == AEGIS_REGISTRY_SET_VALUE) {
        append(lines, R"(,"data_size":)");
        append_number(lines, change.DataSize);
    }
    append_key(R"(,"process_key":")", change.ProcessKey, lines);
    const auto flag = [&](std::uint32_t bit, std::string_view field) { append_flag(change.Flags, bit, field, lines); };
    flag(AEGIS_REGISTRY_KEY_IS_TIME, R"(,"process_key_is_time":true)");
    flag(AEGIS_REGISTRY_REFUSED, R"(,"refused":true)");
    flag(AEGIS_REGISTRY_NO_KEY_NAME, R"(,"key_unknown":true)");
    append_length((change.Flags & AEGIS_REGISTRY_KEY_CUT) != 0, R"(,"key_length":)", change.KeyFullLength, lines);
    append_length((change.Flags & AEGIS_REGISTRY_NAME_CUT) != 0, R"(,"name_length":)", change.NameFullLength, lines);
    flag(AEGIS_REGISTRY_DATA_CUT, R"(,"data_truncated":true)");
}

}  // namespace aegis::agent
