#include "sensors/key_name.hpp"

#include "nt/system_routine.hpp"

namespace aegis::driver {
namespace {

// mingw-w64 lacks the first two, and whatever a system does not have must not keep the image from loading.
using GetKeyObjectIdEx = NTSTATUS(NTAPI*)(PLARGE_INTEGER cookie, PVOID key, ULONG_PTR* id, PCUNICODE_STRING* name,
                                          ULONG flags);
using ReleaseKeyObjectIdEx = VOID(NTAPI*)(PCUNICODE_STRING name);
using GetKeyObjectId = NTSTATUS(NTAPI*)(PLARGE_INTEGER cookie, PVOID key, ULONG_PTR* id, PCUNICODE_STRING* name);

// Written before the callback is registered. The first two are null before Windows 8, and then the last one serves,
// whose strings belong to the key object.
GetKeyObjectIdEx g_get = nullptr;
ReleaseKeyObjectIdEx g_release = nullptr;
GetKeyObjectId g_get_for_good = nullptr;

}  // namespace

void find_key_names() {
    g_get = find_system_routine<GetKeyObjectIdEx>(u"CmCallbackGetKeyObjectIDEx");
    g_release = find_system_routine<ReleaseKeyObjectIdEx>(u"CmCallbackReleaseKeyObjectIDEx");
    g_get_for_good = find_system_routine<GetKeyObjectId>(u"CmCallbackGetKeyObjectID");
    // What cannot be given back is not taken.
    if (g_release == nullptr) {
        g_get = nullptr;
    }
    if (g_get == nullptr) {
        g_release = nullptr;
    }
}

KeyName::KeyName(PLARGE_INTEGER cookie, PVOID key) {
    if (key == nullptr) {
        return;
    }
    NTSTATUS status = STATUS_PROCEDURE_NOT_FOUND;
    if (g_get != nullptr) {
        status = g_get(cookie, key, nullptr, &name_, 0);
    } else if (g_get_for_good != nullptr) {
        status = g_get_for_good(cookie, key, nullptr, &name_);
    }
    if (!NT_SUCCESS(status)) {
        name_ = nullptr;
    }
}

KeyName::~KeyName() {
    if (name_ != nullptr && g_release != nullptr) {
        g_release(name_);
    }
}

PVOID KeyName::keep() {
    const PCUNICODE_STRING name = name_;
    name_ = nullptr;
    return const_cast<PUNICODE_STRING>(name);
}

PathText KeyName::text() const {
    return text_of(name_);
}

}  // namespace aegis::driver
