// The registry calls of a client.
//
// They run on the calling thread, in that process, in user mode, and return what NT returns. Absolute paths begin with
// \REGISTRY; a path without a separator at its beginning is below the key of `root`. Handles are closed like others.
#pragma once

#include <ntifs.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "driver/host/executive/executive.hpp"

namespace aegis::host {

struct KeyResult {
    NTSTATUS status = STATUS_SUCCESS;
    ProcessHandle handle = 0;  // 0 unless status is a success
    bool created = false;      // it was not there before
};

class RegistryClient {
  public:
    explicit RegistryClient(Process& process) : process_(process) {}

    // NtCreateKey, which opens a key that is there, and NtOpenKey.
    KeyResult create(std::u16string_view path, ProcessHandle root = 0) { return open_or_create(path, root, true); }
    KeyResult open(std::u16string_view path, ProcessHandle root = 0) { return open_or_create(path, root, false); }

    NTSTATUS set_value(ProcessHandle key, std::u16string_view name, ULONG type, std::span<const std::byte> data);
    NTSTATUS delete_value(ProcessHandle key, std::u16string_view name);
    NTSTATUS delete_key(ProcessHandle key);
    // The last component of its path.
    NTSTATUS rename_key(ProcessHandle key, std::u16string_view name);

    // What is there; nothing where the key or the value is not.
    std::optional<RegistryValue> value(ProcessHandle key, std::u16string_view name);
    std::vector<std::u16string> subkeys(ProcessHandle key);
    std::vector<std::u16string> values(ProcessHandle key);
    std::optional<std::u16string> path(ProcessHandle key);

  private:
    KeyResult open_or_create(std::u16string_view path, ProcessHandle root, bool create);

    Process& process_;
};

}  // namespace aegis::host
