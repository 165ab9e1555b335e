#include "driver/host/executive/registry/key_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/registry/callbacks.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/text.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

constexpr std::size_t kMostUnits = std::numeric_limits<USHORT>::max() / sizeof(char16_t);

KeyObject& require_key(PVOID object, const char* function) {
    Object* const found = executive_parts().objects.find(object);
    if (found == nullptr || &found->type() != &key_object_type) {
        verifier_stop(Bugcheck::kReferenceByPointer, fmt::format("{} of {}, which is no key", function, object));
    }
    if (in_callback_of_closed_key()) {
        verifier_stop(Bugcheck::kReferenceByPointer,
                      fmt::format("{} of {}, whose last handle is being closed", function, found->describe()));
    }
    return static_cast<KeyObject&>(*found);
}

struct Identity {
    NTSTATUS status;
    std::u16string name;
};

Identity identity_of(PLARGE_INTEGER cookie, PVOID object, PULONG_PTR id, const char* function) {
    require_irql(APC_LEVEL, function);
    ExecutiveParts& parts = executive_parts();
    KeyObject& key = require_key(object, function);
    if (parts.faults.should_fail(function)) {
        return {STATUS_INSUFFICIENT_RESOURCES, {}};
    }
    if (!parts.registry_callbacks.knows(*cookie)) {
        return {STATUS_INVALID_PARAMETER, {}};
    }
    std::optional<std::u16string> name = parts.hive.path(key.key());
    if (!name) {
        return {STATUS_KEY_DELETED, {}};
    }
    if (id != nullptr) {
        *id = reinterpret_cast<ULONG_PTR>(&key.key());
    }
    return {STATUS_SUCCESS, std::move(*name)};
}

}  // namespace

PCUNICODE_STRING KeyNames::hand_out(std::u16string_view text) {
    if (text.size() > kMostUnits) {
        return nullptr;
    }
    auto name = std::make_unique<Name>();
    // Nothing behind the last character, so that a sanitizer sees who reads on.
    name->characters.reset(new char16_t[text.size()]);
    std::copy(text.begin(), text.end(), name->characters.get());
    const auto bytes = static_cast<USHORT>(text.size() * sizeof(char16_t));
    name->string = {bytes, bytes, name->characters.get()};
    const PCUNICODE_STRING string = &name->string;
    const std::lock_guard lock(mutex_);
    names_[string] = std::move(name);
    return string;
}

void KeyNames::release(PCUNICODE_STRING name) {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(name);
    if (found == names_.end()) {
        verifier_stop(
            Bugcheck::kBadPoolCaller,
            fmt::format("the name of a key at {} is released, and was never handed out or was released before",
                        static_cast<const void*>(name)));
    }
    std::memset(found->second->characters.get(), kPoolFreedPoison, found->second->string.Length);
    names_.erase(found);
}

std::string KeyNames::describe_leaks() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [string, name] : names_) {
        text += fmt::format("name of the key {} not released; ", to_utf8(view(string)));
    }
    return text;
}

}  // namespace aegis::host

using namespace aegis::host;

extern "C" NTSTATUS NTAPI CmCallbackGetKeyObjectIDEx(PLARGE_INTEGER Cookie, PVOID Object, PULONG_PTR ObjectID,
                                                     PCUNICODE_STRING* ObjectName, ULONG Flags) {
    const Identity identity = identity_of(Cookie, Object, ObjectID, "CmCallbackGetKeyObjectIDEx");
    if (!NT_SUCCESS(identity.status) || Flags != 0) {
        return NT_SUCCESS(identity.status) ? STATUS_INVALID_PARAMETER : identity.status;
    }
    if (ObjectName != nullptr) {
        *ObjectName = executive_parts().key_names.hand_out(identity.name);
    }
    return ObjectName != nullptr && *ObjectName == nullptr ? STATUS_NAME_TOO_LONG : STATUS_SUCCESS;
}

extern "C" void NTAPI CmCallbackReleaseKeyObjectIDEx(PCUNICODE_STRING ObjectName) {
    require_irql(APC_LEVEL, "CmCallbackReleaseKeyObjectIDEx");
    executive_parts().key_names.release(ObjectName);
}

extern "C" NTSTATUS NTAPI CmCallbackGetKeyObjectID(PLARGE_INTEGER Cookie, PVOID Object, PULONG_PTR ObjectID,
                                                   PCUNICODE_STRING* ObjectName) {
    const Identity identity = identity_of(Cookie, Object, ObjectID, "CmCallbackGetKeyObjectID");
    if (NT_SUCCESS(identity.status) && ObjectName != nullptr) {
        *ObjectName = static_cast<KeyObject*>(Object)->keep_name(identity.name);
    }
    return identity.status;
}
