#include "driver/host/executive/registry/registry.hpp"

#include <ntifs.h>

#include <algorithm>
#include <cstring>

#include "driver/host/executive/objects/kernel_handle.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/text.hpp"

namespace aegis::host {

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

std::u16string Registry::set_service(const ServiceOptions& service) {
    std::u16string path = u"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\" + service.service;
    const std::lock_guard lock(mutex_);
    keys_.clear();
    keys_[fold_case(path)];
    for (const auto& [name, value] : service.parameters) {
        keys_[fold_case(path + u"\\Parameters")][fold_case(name)] = value;
    }
    return path;
}

bool Registry::has_key(std::u16string_view path) const {
    const std::lock_guard lock(mutex_);
    return keys_.contains(fold_case(path));
}

std::optional<RegistryValue> Registry::value(std::u16string_view path, std::u16string_view name) const {
    const std::lock_guard lock(mutex_);
    const auto key = keys_.find(fold_case(path));
    if (key == keys_.end()) {
        return std::nullopt;
    }
    const auto found = key->second.find(fold_case(name));
    return found == key->second.end() ? std::nullopt : std::optional(found->second);
}

std::string KeyObject::describe() const {
    return "key " + to_utf8(path_);
}

}  // namespace aegis::host

using namespace aegis::host;

extern "C" NTSTATUS NTAPI ZwOpenKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes) {
    require_irql(PASSIVE_LEVEL, "ZwOpenKey");
    ExecutiveParts& parts = executive_parts();
    if (parts.faults.should_fail("ZwOpenKey")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (ObjectAttributes->Length != sizeof(OBJECT_ATTRIBUTES)) {
        return STATUS_INVALID_PARAMETER;
    }
    std::u16string path(view(ObjectAttributes->ObjectName));
    if (ObjectAttributes->RootDirectory != nullptr) {
        const auto root = parts.processes.system().handles.find(handle_value(ObjectAttributes->RootDirectory));
        if (!is_kernel_handle(ObjectAttributes->RootDirectory) || !root.object) {
            return STATUS_INVALID_HANDLE;
        }
        if (&root.object->type() != &key_object_type) {
            return STATUS_OBJECT_TYPE_MISMATCH;
        }
        path = static_cast<KeyObject&>(*root.object).path() + u"\\" + path;
    }
    if (!parts.registry.has_key(path)) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    const Referenced<KeyObject> key(new KeyObject(std::move(path)));
    return insert_driver_handle(*key, map_generic(key_object_type.mapping, DesiredAccess), ObjectAttributes->Attributes,
                                KeyHandle);
}

extern "C" NTSTATUS NTAPI ZwQueryValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName,
                                          KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                                          PVOID KeyValueInformation, ULONG Length, PULONG ResultLength) {
    require_irql(PASSIVE_LEVEL, "ZwQueryValueKey");
    ExecutiveParts& parts = executive_parts();
    if (parts.faults.should_fail("ZwQueryValueKey")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    const auto entry = parts.processes.system().handles.find(handle_value(KeyHandle));
    if (!is_kernel_handle(KeyHandle) || !entry.object) {
        return STATUS_INVALID_HANDLE;
    }
    if (&entry.object->type() != &key_object_type) {
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    if ((entry.granted & KEY_QUERY_VALUE) == 0) {
        return STATUS_ACCESS_DENIED;
    }
    if (KeyValueInformationClass != KeyValuePartialInformation) {
        return STATUS_INVALID_PARAMETER;
    }
    const auto value = parts.registry.value(static_cast<KeyObject&>(*entry.object).path(), view(ValueName));
    if (!value) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    constexpr auto kFixed = static_cast<ULONG>(FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data));
    const auto bytes = static_cast<ULONG>(value->data.size());
    *ResultLength = kFixed + bytes;
    if (Length < kFixed) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    auto* information = static_cast<PKEY_VALUE_PARTIAL_INFORMATION>(KeyValueInformation);
    information->TitleIndex = 0;
    information->Type = value->type;
    information->DataLength = bytes;
    std::copy_n(value->data.data(), std::min(bytes, Length - kFixed), information->Data);
    return Length < kFixed + bytes ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}
