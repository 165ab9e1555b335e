// What a source reports of the registry, in NT's terms.
#pragma once

#include <ntifs.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace aegis::host {

enum class RegistryChangeKind { kCreateKey, kSetValue, kDeleteKey, kDeleteValue, kRenameKey };

// One call, whose outcome is known. Nothing of it is in the hive. Texts and data are borrowed for the call.
struct RegistryChange {
    RegistryChangeKind kind = RegistryChangeKind::kSetValue;
    std::uint32_t pid = 0;
    std::uint32_t tid = 0;
    std::u16string_view key;                  // its whole path; of a rename, the one before
    std::optional<std::u16string_view> name;  // of the value; of a rename, the new one
    ULONG type = REG_NONE;                    // REG_…
    std::span<const std::byte> data;
    std::optional<ULONG> claimed;  // how long the caller says that the data are, where that is not so
    bool kernel = false;           // asked for in kernel mode
    bool at_apc_level = false;
    bool existing = false;  // a create that opened a key which was there
    bool odd_name = false;  // the name's length is no multiple of a unit's
    NTSTATUS status = STATUS_SUCCESS;
    std::int64_t timestamp = 0;  // 100 ns since 1601-01-01, UTC
};

// Calls the callbacks in the context of the process and returns what they, or the change, made of it.
NTSTATUS report_registry_change(const RegistryChange& change);

}  // namespace aegis::host
