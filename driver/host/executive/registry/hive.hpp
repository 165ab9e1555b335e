// The registry's keys and values, in memory.
//
// \REGISTRY\MACHINE with SOFTWARE and SYSTEM, \REGISTRY\USER, and two control sets, ControlSet001 and ControlSet002;
// CurrentControlSet is a link to the first, as on NT.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ntifs.h>

#include "driver/host/executive/registry/service_options.hpp"

namespace aegis::host {

// Names compare without regard to case, as far as ASCII goes.
std::u16string fold_case(std::u16string_view name);

// One key. What opens it keeps it, deleted or renamed; everything in it is the hive's to look at.
class HiveKey;
using HiveKeyRef = std::shared_ptr<HiveKey>;

struct OpenedKey {
    NTSTATUS status = STATUS_SUCCESS;
    HiveKeyRef key;  // null unless status is a success
    bool created = false;
};

// Any thread.
class Hive {
  public:
    Hive();

    // Replaces the service's key, in the current control set. Returns its path, which goes through the link.
    std::u16string set_service(const ServiceOptions& service);

    // An absolute path through a link as the path behind it; nothing where no link is on it.
    std::optional<std::u16string> behind_link(std::u16string_view path) const;

    // Paths are absolute and without a link. STATUS_OBJECT_NAME_NOT_FOUND; a create makes the last component only.
    OpenedKey open(std::u16string_view path) const;
    OpenedKey create(std::u16string_view path);
    // A key that is in no hive: for what happened elsewhere.
    static HiveKeyRef loose(std::u16string_view path);

    // STATUS_KEY_DELETED where the key is gone; beside that STATUS_OBJECT_NAME_NOT_FOUND, STATUS_CANNOT_DELETE for a
    // key with subkeys, STATUS_OBJECT_NAME_COLLISION, STATUS_OBJECT_NAME_INVALID.
    NTSTATUS set_value(HiveKey& key, std::u16string_view name, RegistryValue value);
    NTSTATUS delete_value(HiveKey& key, std::u16string_view name);
    NTSTATUS delete_key(HiveKey& key);
    NTSTATUS rename_key(HiveKey& key, std::u16string_view name);

    std::optional<RegistryValue> value(const HiveKey& key, std::u16string_view name) const;
    // Names as they were given, in the order of their upper case; nothing where the key is gone.
    std::vector<std::u16string> subkeys(const HiveKey& key) const;
    std::vector<std::u16string> values(const HiveKey& key) const;
    // Nothing where the key is gone.
    std::optional<std::u16string> path(const HiveKey& key) const;

  private:
    // The caller holds mutex_.
    HiveKey& make(std::u16string_view path);
    bool has_subkeys(const HiveKey& key) const;

    mutable std::mutex mutex_;  // guards keys_ and what is in each key, but for loose ones, which one thread has
    std::map<std::u16string, HiveKeyRef> keys_;  // by folded path
};

}  // namespace aegis::host
