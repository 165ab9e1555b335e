#include "driver/host/executive/registry/hive.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace aegis::host {
namespace {

constexpr char16_t kSeparator = u'\\';
constexpr std::u16string_view kLink = u"\\REGISTRY\\MACHINE\\SYSTEM\\CURRENTCONTROLSET";  // folded
constexpr std::u16string_view kBehindLink = u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001";
constexpr std::u16string_view kServices = u"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\";

constexpr std::u16string_view kFirstKeys[] = {
    u"\\REGISTRY",
    u"\\REGISTRY\\MACHINE",
    u"\\REGISTRY\\MACHINE\\SOFTWARE",
    u"\\REGISTRY\\MACHINE\\SYSTEM",
    u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001",
    u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services",
    u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet002",
    u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet002\\Services",
    u"\\REGISTRY\\USER",
};

std::u16string_view folder_of(std::u16string_view path) {
    return path.substr(0, path.rfind(kSeparator));
}

bool is_below(std::u16string_view folded, std::u16string_view folder) {
    return folded.size() > folder.size() && folded.starts_with(folder) && folded[folder.size()] == kSeparator;
}

}  // namespace

struct NamedValue {
    std::u16string name;
    RegistryValue value;
};

class HiveKey {
  public:
    std::u16string path;
    bool deleted = false;
    bool loose = false;
    std::map<std::u16string, NamedValue> values;  // by folded name
};

RegistryValue registry_dword(ULONG value) {
    RegistryValue result{REG_DWORD, std::vector<unsigned char>(sizeof(value))};
    std::memcpy(result.data.data(), &value, sizeof(value));
    return result;
}

std::u16string fold_case(std::u16string_view name) {
    std::u16string folded(name);
    std::transform(folded.begin(), folded.end(), folded.begin(),
                   [](char16_t unit) { return unit >= u'a' && unit <= u'z' ? unit - u'a' + u'A' : unit; });
    return folded;
}

Hive::Hive() {
    for (const std::u16string_view path : kFirstKeys) {
        make(path);
    }
}

HiveKey& Hive::make(std::u16string_view path) {
    HiveKeyRef& key = keys_[fold_case(path)];
    if (!key) {
        key = std::make_shared<HiveKey>();
        key->path = path;
    }
    return *key;
}

std::u16string Hive::set_service(const ServiceOptions& service) {
    const std::u16string path = std::u16string(kServices) + service.service;
    const std::u16string real = *behind_link(path);
    const std::lock_guard lock(mutex_);
    const std::u16string folded = fold_case(real);
    std::erase_if(keys_, [&](const auto& entry) {
        const bool gone = entry.first == folded || is_below(entry.first, folded);
        entry.second->deleted = entry.second->deleted || gone;
        return gone;
    });
    make(real);
    for (const auto& [name, value] : service.parameters) {
        make(real + u"\\Parameters").values[fold_case(name)] = {name, value};
    }
    return path;
}

std::optional<std::u16string> Hive::behind_link(std::u16string_view path) const {
    const std::u16string folded = fold_case(path);
    if (folded != kLink && !is_below(folded, kLink)) {
        return std::nullopt;
    }
    return std::u16string(kBehindLink).append(path.substr(kLink.size()));
}

OpenedKey Hive::open(std::u16string_view path) const {
    const std::lock_guard lock(mutex_);
    const auto found = keys_.find(fold_case(path));
    return found == keys_.end() ? OpenedKey{STATUS_OBJECT_NAME_NOT_FOUND, nullptr, false}
                                : OpenedKey{STATUS_SUCCESS, found->second, false};
}

OpenedKey Hive::create(std::u16string_view path) {
    const std::lock_guard lock(mutex_);
    const std::u16string folded = fold_case(path);
    if (const auto found = keys_.find(folded); found != keys_.end()) {
        return {STATUS_SUCCESS, found->second, false};
    }
    if (folded.back() == kSeparator || !keys_.contains(std::u16string(folder_of(folded)))) {
        return {STATUS_OBJECT_NAME_NOT_FOUND, nullptr, false};
    }
    make(path);
    return {STATUS_SUCCESS, keys_[folded], true};
}

HiveKeyRef Hive::loose(std::u16string_view path) {
    auto key = std::make_shared<HiveKey>();
    key->path = path;
    key->loose = true;
    return key;
}

NTSTATUS Hive::set_value(HiveKey& key, std::u16string_view name, RegistryValue value) {
    if (key.loose) {
        return STATUS_SUCCESS;
    }
    const std::lock_guard lock(mutex_);
    if (key.deleted) {
        return STATUS_KEY_DELETED;
    }
    key.values[fold_case(name)] = {std::u16string(name), std::move(value)};
    return STATUS_SUCCESS;
}

NTSTATUS Hive::delete_value(HiveKey& key, std::u16string_view name) {
    if (key.loose) {
        return STATUS_SUCCESS;
    }
    const std::lock_guard lock(mutex_);
    if (key.deleted) {
        return STATUS_KEY_DELETED;
    }
    return key.values.erase(fold_case(name)) != 0 ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

bool Hive::has_subkeys(const HiveKey& key) const {
    const std::u16string folded = fold_case(key.path);
    return std::any_of(keys_.begin(), keys_.end(), [&](const auto& entry) { return is_below(entry.first, folded); });
}

NTSTATUS Hive::delete_key(HiveKey& key) {
    if (key.loose) {
        key.deleted = true;
        return STATUS_SUCCESS;
    }
    const std::lock_guard lock(mutex_);
    if (key.deleted) {
        return STATUS_KEY_DELETED;
    }
    if (has_subkeys(key)) {
        return STATUS_CANNOT_DELETE;
    }
    key.deleted = true;
    keys_.erase(fold_case(key.path));
    return STATUS_SUCCESS;
}

NTSTATUS Hive::rename_key(HiveKey& key, std::u16string_view name) {
    if (name.empty() || name.find(kSeparator) != std::u16string_view::npos) {
        return STATUS_OBJECT_NAME_INVALID;
    }
    const std::u16string before = key.path;
    const std::u16string after = std::u16string(folder_of(before)).append(1, kSeparator).append(name);
    if (key.loose) {
        key.path = after;
        return STATUS_SUCCESS;
    }
    const std::lock_guard lock(mutex_);
    if (key.deleted) {
        return STATUS_KEY_DELETED;
    }
    if (keys_.contains(fold_case(after))) {
        return STATUS_OBJECT_NAME_COLLISION;
    }
    const std::u16string folded = fold_case(before);
    std::vector<HiveKeyRef> moved;
    std::erase_if(keys_, [&](const auto& entry) {
        const bool below = entry.first == folded || is_below(entry.first, folded);
        if (below) {
            moved.push_back(entry.second);
        }
        return below;
    });
    for (const HiveKeyRef& one : moved) {
        one->path = after + one->path.substr(before.size());
        keys_[fold_case(one->path)] = one;
    }
    return STATUS_SUCCESS;
}

std::optional<RegistryValue> Hive::value(const HiveKey& key, std::u16string_view name) const {
    const std::lock_guard lock(mutex_);
    const auto found = key.values.find(fold_case(name));
    return key.deleted || found == key.values.end() ? std::nullopt : std::optional(found->second.value);
}

std::vector<std::u16string> Hive::subkeys(const HiveKey& key) const {
    const std::lock_guard lock(mutex_);
    const std::u16string folded = fold_case(key.path);
    std::vector<std::u16string> names;
    for (const auto& [path, child] : keys_) {
        if (!key.deleted && is_below(path, folded) && folder_of(path).size() == folded.size()) {
            names.push_back(child->path.substr(folded.size() + 1));
        }
    }
    return names;
}

std::vector<std::u16string> Hive::values(const HiveKey& key) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::u16string> names;
    for (const auto& [folded, value] : key.values) {
        if (!key.deleted) {
            names.push_back(value.name);
        }
    }
    return names;
}

std::optional<std::u16string> Hive::path(const HiveKey& key) const {
    const std::lock_guard lock(mutex_);
    return key.deleted ? std::nullopt : std::optional(key.path);
}

}  // namespace aegis::host
