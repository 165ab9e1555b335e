// The Zw… calls of a driver about the registry.
#include <ntifs.h>

#include <algorithm>

#include "driver/host/executive/objects/kernel_handle.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/registry/key_object.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/text.hpp"

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
        const auto folder = parts.hive.path(static_cast<KeyObject&>(*root.object).key());
        if (!folder) {
            return STATUS_KEY_DELETED;
        }
        path = *folder + u"\\" + path;
    }
    const OpenedKey opened = parts.hive.open(parts.hive.behind_link(path).value_or(path));
    if (!NT_SUCCESS(opened.status)) {
        return opened.status;
    }
    const Referenced<KeyObject> key(new KeyObject(opened.key));
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
    const auto value = parts.hive.value(static_cast<KeyObject&>(*entry.object).key(), view(ValueName));
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
