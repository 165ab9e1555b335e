#include <algorithm>
#include <functional>
#include <utility>

#include "driver/host/executive/memory/user_memory.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/borrowed_string.hpp"
#include "driver/host/executive/processes/notification.hpp"
#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/registry/callbacks.hpp"
#include "driver/host/executive/registry/registry_activity.hpp"
#include "driver/host/executive/registry/registry_client.hpp"
#include "driver/host/executive/system_time.hpp"

namespace aegis::host {
namespace {

// As often as NT follows a link before it gives up.
constexpr int kMostLinks = 8;

using Perform = std::function<NTSTATUS()>;

NTSTATUS run(RegistryOperation& operation, KeyObject& key, const Perform& perform) {
    NTSTATUS status = operation.begin();
    if (NT_SUCCESS(status)) {
        status = perform();
        operation.end(&key, status);
    }
    return status;
}

NTSTATUS run_set_value(KeyObject& key, PUNICODE_STRING name, ULONG type, PVOID data, ULONG bytes,
                       const Perform& perform) {
    REG_SET_VALUE_KEY_INFORMATION information{};
    information.Object = &key;
    information.ValueName = name;
    information.Type = type;
    information.Data = data;
    information.DataSize = bytes;
    RegistryOperation operation(RegNtPreSetValueKey, RegNtPostSetValueKey, &information, &information.CallContext);
    return run(operation, key, perform);
}

NTSTATUS run_delete_value(KeyObject& key, PUNICODE_STRING name, const Perform& perform) {
    REG_DELETE_VALUE_KEY_INFORMATION information{};
    information.Object = &key;
    information.ValueName = name;
    RegistryOperation operation(RegNtPreDeleteValueKey, RegNtPostDeleteValueKey, &information,
                                &information.CallContext);
    return run(operation, key, perform);
}

NTSTATUS run_delete_key(KeyObject& key, const Perform& perform) {
    REG_DELETE_KEY_INFORMATION information{};
    information.Object = &key;
    RegistryOperation operation(RegNtPreDeleteKey, RegNtPostDeleteKey, &information, &information.CallContext);
    return run(operation, key, perform);
}

NTSTATUS run_rename_key(KeyObject& key, PUNICODE_STRING name, const Perform& perform) {
    REG_RENAME_KEY_INFORMATION information{};
    information.Object = &key;
    information.NewName = name;
    RegistryOperation operation(RegNtPreRenameKey, RegNtPostRenameKey, &information, &information.CallContext);
    return run(operation, key, perform);
}

// Opens or creates what `name` says, below `root`; `open` does it, and says where no key is.
struct Opening {
    KeyObject& root;
    PUNICODE_STRING name;
    bool create;
};

OpenedKey run_open(const Opening& opening, const std::function<OpenedKey()>& open, Referenced<KeyObject>* object) {
    ULONG disposition = 0;
    PVOID result = nullptr;
    REG_CREATE_KEY_INFORMATION_V1 information{};
    information.CompleteName = opening.name;
    information.RootObject = &opening.root;
    information.RemainingName = opening.name;
    information.Disposition = &disposition;
    information.ResultObject = &result;
    information.Version = 1;
    information.CheckAccessMode = this_thread().previous_mode;
    RegistryOperation operation(opening.create ? RegNtPreCreateKeyEx : RegNtPreOpenKeyEx,
                                opening.create ? RegNtPostCreateKeyEx : RegNtPostOpenKeyEx, &information,
                                &information.CallContext);
    if (const NTSTATUS refused = operation.begin(); !NT_SUCCESS(refused)) {
        return {refused, nullptr, false};
    }
    OpenedKey opened = open();
    if (opened.key) {
        disposition = opened.created ? REG_CREATED_NEW_KEY : REG_OPENED_EXISTING_KEY;
        *object = Referenced<KeyObject>(new KeyObject(opened.key));
        result = object->get();
    }
    operation.end(object->get(), opened.status);
    return opened;
}

Referenced<KeyObject> key_of(Process& process, ProcessHandle handle) {
    HandleTable::Lookup entry = process.handles.find(handle);
    if (!entry.object || &entry.object->type() != &key_object_type) {
        return {};
    }
    entry.object->reference();
    return Referenced<KeyObject>(static_cast<KeyObject*>(entry.object.get()));
}

Referenced<KeyObject> top_of_registry() {
    return Referenced<KeyObject>(new KeyObject(executive_parts().hive.open(u"\\REGISTRY").key));
}

ULONG size_of_data(std::span<const std::byte> data) {
    return static_cast<ULONG>(data.size());
}

RegistryValue value_of(ULONG type, std::span<const std::byte> data) {
    RegistryValue value{type, std::vector<unsigned char>(data.size())};
    std::transform(data.begin(), data.end(), value.data.begin(),
                   [](std::byte byte) { return std::to_integer<unsigned char>(byte); });
    return value;
}

// A call of a client with one of its keys.
template <class Result>
Result with_key(Process& process, ProcessHandle handle, Result otherwise,
                const std::function<Result(KeyObject& key)>& call) {
    const SystemCall in_process(process);
    if (in_process.refused()) {
        return otherwise;
    }
    const Referenced<KeyObject> key = key_of(process, handle);
    return key ? call(*key) : otherwise;
}

}  // namespace

KeyResult RegistryClient::open_or_create(std::u16string_view path, ProcessHandle root, bool create) {
    const SystemCall call(process_);
    if (call.refused()) {
        return {STATUS_PROCESS_IS_TERMINATING, 0, false};
    }
    Hive& hive = executive_parts().hive;
    std::u16string name(path);
    const bool relative = root != 0 && !path.starts_with(u'\\');
    Referenced<KeyObject> folder = relative ? key_of(process_, root) : top_of_registry();
    if (!folder) {
        return {STATUS_INVALID_HANDLE, 0, false};
    }
    const auto above = hive.path(folder->key());
    if (!above) {
        return {STATUS_KEY_DELETED, 0, false};
    }
    std::u16string whole = relative ? *above + u"\\" + name : name;
    for (int links = 0; links < kMostLinks; ++links) {
        const BorrowedString borrowed(name);
        const Opening opening{*folder, borrowed.get(), create};
        const std::optional<std::u16string> behind = hive.behind_link(whole);
        Referenced<KeyObject> object;
        const OpenedKey opened = run_open(
            opening,
            [&] {
                return behind   ? OpenedKey{STATUS_REPARSE, nullptr, false}
                       : create ? hive.create(whole)
                                : hive.open(whole);
            },
            &object);
        if (opened.status != STATUS_REPARSE) {
            const auto handle = object ? process_.handles.insert(*object, KEY_READ) : std::nullopt;
            return {opened.status, handle.value_or(0), opened.created};
        }
        name = *behind;
        whole = name;
        folder = top_of_registry();
    }
    return {STATUS_OBJECT_NAME_NOT_FOUND, 0, false};
}

NTSTATUS RegistryClient::set_value(ProcessHandle key, std::u16string_view name, ULONG type,
                                   std::span<const std::byte> data) {
    return with_key<NTSTATUS>(process_, key, STATUS_INVALID_HANDLE, [&](KeyObject& object) {
        const BorrowedString borrowed(name);
        // Newer systems of NT's capture them first; this host is as strict as the older ones.
        const UserMemory memory(data);
        return run_set_value(object, borrowed.get(), type, memory.address(), size_of_data(data), [&] {
            return executive_parts().hive.set_value(object.key(), name, value_of(type, data));
        });
    });
}

NTSTATUS RegistryClient::delete_value(ProcessHandle key, std::u16string_view name) {
    return with_key<NTSTATUS>(process_, key, STATUS_INVALID_HANDLE, [&](KeyObject& object) {
        const BorrowedString borrowed(name);
        return run_delete_value(object, borrowed.get(),
                                [&] { return executive_parts().hive.delete_value(object.key(), name); });
    });
}

NTSTATUS RegistryClient::delete_key(ProcessHandle key) {
    return with_key<NTSTATUS>(process_, key, STATUS_INVALID_HANDLE, [](KeyObject& object) {
        return run_delete_key(object, [&] { return executive_parts().hive.delete_key(object.key()); });
    });
}

NTSTATUS RegistryClient::rename_key(ProcessHandle key, std::u16string_view name) {
    return with_key<NTSTATUS>(process_, key, STATUS_INVALID_HANDLE, [&](KeyObject& object) {
        const BorrowedString borrowed(name);
        return run_rename_key(object, borrowed.get(),
                              [&] { return executive_parts().hive.rename_key(object.key(), name); });
    });
}

std::optional<RegistryValue> RegistryClient::value(ProcessHandle key, std::u16string_view name) {
    return with_key<std::optional<RegistryValue>>(process_, key, std::nullopt, [&](KeyObject& object) {
        return executive_parts().hive.value(object.key(), name);
    });
}

std::vector<std::u16string> RegistryClient::subkeys(ProcessHandle key) {
    return with_key<std::vector<std::u16string>>(
        process_, key, {}, [](KeyObject& object) { return executive_parts().hive.subkeys(object.key()); });
}

std::vector<std::u16string> RegistryClient::values(ProcessHandle key) {
    return with_key<std::vector<std::u16string>>(
        process_, key, {}, [](KeyObject& object) { return executive_parts().hive.values(object.key()); });
}

std::optional<std::u16string> RegistryClient::path(ProcessHandle key) {
    return with_key<std::optional<std::u16string>>(
        process_, key, std::nullopt, [](KeyObject& object) { return executive_parts().hive.path(object.key()); });
}

namespace {

// The name of a change, whose length may be no whole number of units.
class ChangeName {
  public:
    explicit ChangeName(const RegistryChange& change) : string_(change.name) {
        if (change.odd_name && string_.get() != nullptr) {
            ++string_.get()->Length;
        }
    }
    PUNICODE_STRING get() const { return string_.get(); }

  private:
    BorrowedString string_;
};

NTSTATUS report_create(const RegistryChange& change) {
    const Referenced<KeyObject> top = top_of_registry();
    const BorrowedString path(change.key);
    Referenced<KeyObject> object;
    const auto open = [&] {
        const bool there = change.status == STATUS_SUCCESS;
        return OpenedKey{change.status, there ? Hive::loose(change.key) : nullptr, !change.existing};
    };
    return run_open({*top, path.get(), true}, open, &object).status;
}

NTSTATUS report_set_value(const RegistryChange& change, KeyObject& key, PUNICODE_STRING name, const Perform& perform) {
    const ULONG bytes = change.claimed.value_or(size_of_data(change.data));
    if (change.kernel) {
        // What a driver passes is its own memory.
        auto* const data = const_cast<std::byte*>(change.data.data());
        return run_set_value(key, name, change.type, data, bytes, perform);
    }
    const UserMemory memory(change.data, bytes);
    return run_set_value(key, name, change.type, memory.address(), bytes, perform);
}

NTSTATUS report_change(const RegistryChange& change) {
    if (change.kind == RegistryChangeKind::kCreateKey) {
        return report_create(change);
    }
    Hive& hive = executive_parts().hive;
    const Referenced<KeyObject> key(new KeyObject(Hive::loose(change.key)));
    const ChangeName name(change);
    const Perform nothing = [&] { return change.status; };
    switch (change.kind) {
        case RegistryChangeKind::kSetValue:
            return report_set_value(change, *key, name.get(), nothing);
        case RegistryChangeKind::kDeleteValue:
            return run_delete_value(*key, name.get(), nothing);
        case RegistryChangeKind::kDeleteKey:
            return run_delete_key(
                *key, [&] { return NT_SUCCESS(change.status) ? hive.delete_key(key->key()) : change.status; });
        default:
            return run_rename_key(*key, name.get(), [&] {
                return NT_SUCCESS(change.status) ? hive.rename_key(key->key(), change.name.value_or(u"new"))
                                                 : change.status;
            });
    }
}

}  // namespace

NTSTATUS report_registry_change(const RegistryChange& change) {
    const auto process = executive_parts().processes.heard_of(change.pid, change.timestamp);
    const ReplayedTime time(change.timestamp);
    const ThreadInProcess in_process(*process, change.kernel ? KernelMode : UserMode);
    const AsThreadNumber as_caller(change.tid);
    const KIRQL before = change_irql(change.at_apc_level ? APC_LEVEL : PASSIVE_LEVEL);
    const NTSTATUS status = report_change(change);
    change_irql(before);
    executive_parts().objects.destroy_deferred();
    return status;
}

}  // namespace aegis::host
