#include "policy/policy_blob.hpp"

namespace aegis::driver {
namespace {

struct SectionShape {
    std::uint32_t most;
    std::uint32_t entry_bytes;
};

// By AEGIS_POLICY_… section. The texts have no limit of their own.
constexpr SectionShape kShapes[AEGIS_POLICY_SECTIONS] = {
    {AEGIS_POLICY_PATHS_MAX, sizeof(AEGIS_POLICY_RULE)},
    {AEGIS_POLICY_IMAGES_MAX, sizeof(AEGIS_POLICY_RULE)},
    {AEGIS_POLICY_EXTENSIONS_MAX, sizeof(AEGIS_POLICY_RULE)},
    {AEGIS_POLICY_HANDLE_MASKS_MAX, sizeof(AEGIS_POLICY_HANDLES)},
    {AEGIS_POLICY_PROTECTED_MAX, sizeof(AEGIS_POLICY_PROCESS)},
    {AEGIS_POLICY_BYTES_MAX, sizeof(std::uint16_t)},
};

bool is_separator(std::uint16_t unit) {
    return unit == u'\\' || unit == u'/';
}

bool is_reserved_clear(const AEGIS_POLICY_TYPE& type) {
    for (const std::uint8_t byte : type.Reserved) {
        if (byte != 0) {
            return false;
        }
    }
    return true;
}

bool says_nothing(const AEGIS_POLICY_TYPE& type) {
    return type.Operations == 0 && type.TokensPerSecond == 0 && type.Burst == 0 && type.MergeMs == 0 &&
           type.Default == 0;
}

NTSTATUS check_type(std::uint32_t number, const AEGIS_POLICY_TYPE& type) {
    const std::uint32_t bit = 1U << number;
    if (!is_reserved_clear(type)) {
        return STATUS_INVALID_PARAMETER;
    }
    if (says_nothing(type)) {
        return STATUS_SUCCESS;
    }
    if ((bit & kTypesWithSensor) == 0) {
        return STATUS_NOT_SUPPORTED;
    }
    if (type.Default == 0 || (type.TokensPerSecond == 0) != (type.Burst == 0)) {
        return STATUS_INVALID_PARAMETER_MIX;
    }
    if (type.Default != AEGIS_POLICY_REPORT && type.Default != AEGIS_POLICY_DROP) {
        return STATUS_INVALID_VARIANT;
    }
    if ((type.Operations & ~operations_of(number)) != 0) {
        return STATUS_INVALID_PARAMETER;
    }
    if (type.TokensPerSecond > AEGIS_POLICY_TOKENS_MAX || type.Burst > AEGIS_POLICY_TOKENS_MAX ||
        type.MergeMs > AEGIS_POLICY_MERGE_MS_MAX) {
        return STATUS_INTEGER_OVERFLOW;
    }
    if (type.MergeMs != 0 && (bit & kTypesWithPath) == 0) {
        return STATUS_NOT_SUPPORTED;
    }
    return STATUS_SUCCESS;
}

NTSTATUS check_types(const AEGIS_POLICY_HEADER& header) {
    for (std::uint32_t type = 0; type < AEGIS_POLICY_TYPES; ++type) {
        const NTSTATUS status = check_type(type, header.Types[type]);
        if (!NT_SUCCESS(status)) {
            return status;
        }
    }
    return STATUS_SUCCESS;
}

NTSTATUS check_sections(const AEGIS_POLICY_HEADER& header) {
    std::uint64_t end = sizeof(header);
    for (unsigned i = 0; i < AEGIS_POLICY_SECTIONS; ++i) {
        const AEGIS_POLICY_SECTION& section = header.Sections[i];
        if (section.Count > kShapes[i].most) {
            return STATUS_QUOTA_EXCEEDED;
        }
        if (section.Offset != end) {
            return STATUS_ARRAY_BOUNDS_EXCEEDED;
        }
        end += std::uint64_t{section.Count} * kShapes[i].entry_bytes;
        if (end > header.Bytes) {
            return STATUS_ARRAY_BOUNDS_EXCEEDED;
        }
    }
    return end != header.Bytes ? STATUS_DATA_OVERRUN : STATUS_SUCCESS;
}

// A rule of paths or extensions: for types that are `able`, with an action up to `last`.
NTSTATUS check_rule_of_types(const AEGIS_POLICY_RULE& rule, std::uint32_t able, std::uint8_t last) {
    if (rule.Types == 0 || (rule.Types >> AEGIS_POLICY_TYPES) != 0) {
        return STATUS_INVALID_PARAMETER;
    }
    if (rule.Action < AEGIS_POLICY_REPORT || rule.Action > last) {
        return STATUS_INVALID_VARIANT;
    }
    const std::uint32_t all_able = rule.Action == AEGIS_POLICY_REFUSE ? able & kTypesRefused : able;
    return (rule.Types & ~all_able) != 0 ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS;
}

NTSTATUS check_path(const std::uint16_t* text, std::uint32_t units) {
    if (units == 0 || !is_separator(text[0]) || is_separator(text[units - 1])) {
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    }
    for (std::uint32_t i = 1; i < units; ++i) {
        if (text[i] == 0 || (is_separator(text[i]) && is_separator(text[i - 1]))) {
            return STATUS_OBJECT_PATH_SYNTAX_BAD;
        }
    }
    return STATUS_SUCCESS;
}

NTSTATUS check_extension(const std::uint16_t* text, std::uint32_t units) {
    for (std::uint32_t i = 0; i < units; ++i) {
        if (text[i] == 0 || text[i] == u'.' || is_separator(text[i])) {
            return STATUS_OBJECT_NAME_INVALID;
        }
    }
    return units == 0 ? STATUS_OBJECT_NAME_INVALID : STATUS_SUCCESS;
}

// What the rules of one section have to be.
struct PathRules {
    static constexpr std::uint32_t kMostUnits = AEGIS_POLICY_PATH_UNITS_MAX;
    static NTSTATUS check(const AEGIS_POLICY_RULE& rule) {
        return check_rule_of_types(rule, kTypesWithPath, AEGIS_POLICY_REFUSE);
    }
    static NTSTATUS check_text(const std::uint16_t* text, std::uint32_t units) { return check_path(text, units); }
};

struct ImageRules {
    static constexpr std::uint32_t kMostUnits = AEGIS_POLICY_PATH_UNITS_MAX;
    static NTSTATUS check(const AEGIS_POLICY_RULE& rule) {
        if (rule.Types != 0) {
            return STATUS_INVALID_PARAMETER;
        }
        const bool known = rule.Action == AEGIS_POLICY_DROP || rule.Action == AEGIS_POLICY_ALLOW;
        return known ? STATUS_SUCCESS : STATUS_INVALID_VARIANT;
    }
    static NTSTATUS check_text(const std::uint16_t* text, std::uint32_t units) { return check_path(text, units); }
};

struct ExtensionRules {
    static constexpr std::uint32_t kMostUnits = AEGIS_POLICY_EXTENSION_UNITS_MAX;
    static NTSTATUS check(const AEGIS_POLICY_RULE& rule) {
        return check_rule_of_types(rule, kTypesWithExtension, AEGIS_POLICY_DROP);
    }
    static NTSTATUS check_text(const std::uint16_t* text, std::uint32_t units) { return check_extension(text, units); }
};

// Checks `count` rules, and takes their texts from the `left` units at `text`.
template <class Rules>
NTSTATUS check_rules(const AEGIS_POLICY_RULE* rules, std::uint32_t count, const std::uint16_t** text,
                     std::uint32_t* left) {
    for (std::uint32_t i = 0; i < count; ++i) {
        const AEGIS_POLICY_RULE& rule = rules[i];
        if (rule.Reserved != 0) {
            return STATUS_INVALID_PARAMETER;
        }
        NTSTATUS status = Rules::check(rule);
        if (!NT_SUCCESS(status)) {
            return status;
        }
        if (rule.TextUnits > Rules::kMostUnits) {
            return STATUS_NAME_TOO_LONG;
        }
        if (rule.TextUnits > *left) {
            return STATUS_END_OF_FILE;
        }
        status = Rules::check_text(*text, rule.TextUnits);
        if (!NT_SUCCESS(status)) {
            return status;
        }
        *text += rule.TextUnits;
        *left -= rule.TextUnits;
    }
    return STATUS_SUCCESS;
}

NTSTATUS check_header(const AEGIS_POLICY_HEADER& header, std::size_t size) {
    if (header.Magic != AEGIS_POLICY_MAGIC) {
        return STATUS_INVALID_SIGNATURE;
    }
    if (header.Version != AEGIS_POLICY_VERSION) {
        return STATUS_UNKNOWN_REVISION;
    }
    if (header.Bytes != size) {
        return STATUS_INVALID_BUFFER_SIZE;
    }
    return header.Reserved != 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

}  // namespace

NTSTATUS parse_policy(const void* bytes, std::size_t size, PolicyBlob* blob) {
    if (size > AEGIS_POLICY_BYTES_MAX) {
        return STATUS_INVALID_BUFFER_SIZE;
    }
    if (size < sizeof(AEGIS_POLICY_HEADER)) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    const auto* base = static_cast<const std::uint8_t*>(bytes);
    const auto* header = static_cast<const AEGIS_POLICY_HEADER*>(bytes);
    NTSTATUS status = check_header(*header, size);
    if (NT_SUCCESS(status)) {
        status = check_types(*header);
    }
    if (NT_SUCCESS(status)) {
        status = check_sections(*header);
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    blob->header = header;
    blob->paths = reinterpret_cast<const AEGIS_POLICY_RULE*>(base + header->Sections[AEGIS_POLICY_PATHS].Offset);
    blob->images = reinterpret_cast<const AEGIS_POLICY_RULE*>(base + header->Sections[AEGIS_POLICY_IMAGES].Offset);
    blob->extensions =
        reinterpret_cast<const AEGIS_POLICY_RULE*>(base + header->Sections[AEGIS_POLICY_EXTENSIONS].Offset);
    blob->handles = {
        reinterpret_cast<const AEGIS_POLICY_HANDLES*>(base + header->Sections[AEGIS_POLICY_HANDLE_MASKS].Offset),
        blob->count(AEGIS_POLICY_HANDLE_MASKS),
        reinterpret_cast<const AEGIS_POLICY_PROCESS*>(base + header->Sections[AEGIS_POLICY_PROTECTED].Offset),
        blob->count(AEGIS_POLICY_PROTECTED),
    };
    blob->text = reinterpret_cast<const std::uint16_t*>(base + header->Sections[AEGIS_POLICY_TEXT].Offset);

    const std::uint16_t* text = blob->text;
    std::uint32_t left = blob->count(AEGIS_POLICY_TEXT);
    status = check_rules<PathRules>(blob->paths, blob->count(AEGIS_POLICY_PATHS), &text, &left);
    if (NT_SUCCESS(status)) {
        status = check_rules<ImageRules>(blob->images, blob->count(AEGIS_POLICY_IMAGES), &text, &left);
    }
    if (NT_SUCCESS(status)) {
        status = check_rules<ExtensionRules>(blob->extensions, blob->count(AEGIS_POLICY_EXTENSIONS), &text, &left);
    }
    if (NT_SUCCESS(status)) {
        status = check_handle_sections(blob->handles);
    }
    if (NT_SUCCESS(status) && left != 0) {
        status = STATUS_DATA_OVERRUN;
    }
    return status;
}

}  // namespace aegis::driver
