#include "sensors/registry_sensor.hpp"

#include <cstddef>
#include <cstdint>

#include "aegis/event.h"
#include "diagnostics/diagnostics.hpp"
#include "nt/debug_print.hpp"
#include "nt/process_id.hpp"
#include "nt/safe_copy.hpp"
#include "nt/system_routine.hpp"
#include "sensors/key_name.hpp"
#include "sensors/registry_event.hpp"
#include "sensors/registry_refusal.hpp"

namespace aegis::driver {
namespace {

// Looked up, so that the image loads where they are not (Wine).
using RegisterCallbackEx = NTSTATUS(NTAPI*)(PEX_CALLBACK_FUNCTION function, PCUNICODE_STRING altitude, PVOID driver,
                                            PVOID context, PLARGE_INTEGER cookie, PVOID reserved);
using UnRegisterCallback = NTSTATUS(NTAPI*)(LARGE_INTEGER cookie);

// Activity monitors have 360000 to 389999.
constexpr std::uint32_t kFirstAltitude = 385200;
constexpr std::uint32_t kAltitudes = 16;
constexpr std::size_t kAltitudeDigits = 6;

// Written before registration and after removal, which waits for calls in flight; so callbacks read them without a
// lock.
constinit SensorContext g_context{};
constinit CallbackHealth g_health;
UnRegisterCallback g_unregister = nullptr;
// NT writes it before the first call.
constinit LARGE_INTEGER g_cookie{};

RegistryCall call_of(const REG_SET_VALUE_KEY_INFORMATION& set) {
    return {AEGIS_REGISTRY_SET_VALUE, set.Object, text_of(set.ValueName), set.Type, set.Data, set.DataSize};
}

RegistryCall call_of(const REG_DELETE_VALUE_KEY_INFORMATION& deleted) {
    return {AEGIS_REGISTRY_DELETE_VALUE, deleted.Object, text_of(deleted.ValueName)};
}

RegistryCall call_of(const REG_DELETE_KEY_INFORMATION& deleted) {
    return {AEGIS_REGISTRY_DELETE_KEY, deleted.Object};
}

RegistryCall call_of(const REG_RENAME_KEY_INFORMATION& renamed) {
    return {AEGIS_REGISTRY_RENAME_KEY, renamed.Object, text_of(renamed.NewName)};
}

// Afterwards nobody can say any more what the key was called.
bool loses_its_name(const RegistryCall& call) {
    return call.operation == AEGIS_REGISTRY_DELETE_KEY || call.operation == AEGIS_REGISTRY_RENAME_KEY;
}

// The path that is asked for goes on to the call after it, which gives it back. NT calls that for every call that is
// let through, and for none that is refused. IRQL <= APC_LEVEL.
NTSTATUS before(const RegistryCall& call, PVOID* context) {
    const bool may_refuse = may_refuse_caller(g_context);
    if (!may_refuse && !loses_its_name(call)) {
        return STATUS_SUCCESS;
    }
    KeyName key(&g_cookie, call.key);
    if (may_refuse && key.known() && refuse_call(g_context, &g_health, call, key.text())) {
        return STATUS_ACCESS_DENIED;
    }
    *context = key.keep();
    return STATUS_SUCCESS;
}

// Asks the policy and publishes. A frame of its own: the event is large. IRQL <= APC_LEVEL.
[[gnu::noinline]] void report_call(const RegistryCall& call, const KeyName& key, NTSTATUS status) {
    const std::int64_t now = g_context.clock->now();
    const std::uint32_t process_id = process_id_number(PsGetCurrentProcessId());
    const Decision decision = g_context.policies->happened(registry_subject(call, process_id, key.text(), now));
    if (g_context.keep_back(&g_health, decision, now)) {
        return;
    }
    CompactRegistryEvent event;
    const JoinedText path(key.text());
    describe_call(call, key.known() ? &path : nullptr, status, &event);
    g_context.report(&g_health, AEGIS_EVENT_REGISTRY_OP, now, &event.payload, event.bytes);
}

// IRQL <= APC_LEVEL.
void after(const RegistryCall& call, const REG_POST_OPERATION_INFORMATION& done) {
    const KeyName kept(done.CallContext);
    if (g_context.policies->is_off(AEGIS_EVENT_REGISTRY_OP)) {
        return;
    }
    if (kept.known() || loses_its_name(call)) {
        report_call(call, kept, done.Status);
        return;
    }
    const KeyName key(&g_cookie, call.key);
    report_call(call, key, done.Status);
}

// A create is for NT what an open is for everybody else: only one that has made a key counts. The pointer to what it
// has made of it may be the caller's own. IRQL <= APC_LEVEL.
bool has_created(const REG_POST_OPERATION_INFORMATION& done) {
    // With any other status, successes among them, there is no key object.
    if (done.Status != STATUS_SUCCESS || done.PreInformation == nullptr) {
        return false;
    }
    const auto& create = *static_cast<const REG_CREATE_KEY_INFORMATION_V1*>(done.PreInformation);
    ULONG disposition = 0;
    copy_safely(create.Disposition, sizeof(disposition), &disposition);
    return disposition == REG_CREATED_NEW_KEY;
}

// IRQL <= APC_LEVEL.
NTSTATUS before_create(const REG_CREATE_KEY_INFORMATION_V1& create) {
    if (!may_refuse_caller(g_context)) {
        return STATUS_SUCCESS;
    }
    RegistryCall call;
    call.operation = AEGIS_REGISTRY_CREATE_KEY;
    const PathText name = text_of(create.CompleteName);
    if (name.length != 0 && name.units[0] == u'\\') {
        return refuse_create(g_context, &g_health, call, JoinedText(name)) ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
    }
    const KeyName root(&g_cookie, create.RootObject);
    if (!root.known() || name.length == 0) {
        return STATUS_SUCCESS;
    }
    return refuse_create(g_context, &g_health, call, JoinedText(root.text(), name)) ? STATUS_ACCESS_DENIED
                                                                                    : STATUS_SUCCESS;
}

// IRQL <= APC_LEVEL.
void after_create(const REG_POST_OPERATION_INFORMATION& done) {
    if (has_created(done) && !g_context.policies->is_off(AEGIS_EVENT_REGISTRY_OP)) {
        RegistryCall call;
        call.operation = AEGIS_REGISTRY_CREATE_KEY;
        call.key = done.Object;
        const KeyName key(&g_cookie, call.key);
        report_call(call, key, done.Status);
    }
}

template <class Information>
NTSTATUS before_change(PVOID argument) {
    auto& information = *static_cast<Information*>(argument);
    return before(call_of(information), &information.CallContext);
}

template <class Information>
NTSTATUS after_change(PVOID argument) {
    const auto& done = *static_cast<const REG_POST_OPERATION_INFORMATION*>(argument);
    if (done.PreInformation != nullptr) {
        after(call_of(*static_cast<const Information*>(done.PreInformation)), done);
    }
    return STATUS_SUCCESS;
}

// IRQL <= APC_LEVEL, on the thread that asks the configuration manager. Reads, opens and closes are nobody's business
// here: a key that is being closed must not even be asked for its name.
NTSTATUS NTAPI on_registry_notify(PVOID /*context*/, PVOID which, PVOID argument) {
    if (argument == nullptr) {
        return STATUS_SUCCESS;
    }
    switch (static_cast<REG_NOTIFY_CLASS>(reinterpret_cast<std::uintptr_t>(which))) {
        case RegNtPreSetValueKey:
            return before_change<REG_SET_VALUE_KEY_INFORMATION>(argument);
        case RegNtPostSetValueKey:
            return after_change<REG_SET_VALUE_KEY_INFORMATION>(argument);
        case RegNtPreDeleteValueKey:
            return before_change<REG_DELETE_VALUE_KEY_INFORMATION>(argument);
        case RegNtPostDeleteValueKey:
            return after_change<REG_DELETE_VALUE_KEY_INFORMATION>(argument);
        case RegNtPreDeleteKey:
            return before_change<REG_DELETE_KEY_INFORMATION>(argument);
        case RegNtPostDeleteKey:
            return after_change<REG_DELETE_KEY_INFORMATION>(argument);
        case RegNtPreRenameKey:
            return before_change<REG_RENAME_KEY_INFORMATION>(argument);
        case RegNtPostRenameKey:
            return after_change<REG_RENAME_KEY_INFORMATION>(argument);
        case RegNtPreCreateKeyEx:
            return before_create(*static_cast<const REG_CREATE_KEY_INFORMATION_V1*>(argument));
        case RegNtPostCreateKeyEx:
            after_create(*static_cast<const REG_POST_OPERATION_INFORMATION*>(argument));
            return STATUS_SUCCESS;
        default:
            return STATUS_SUCCESS;
    }
}

// IRQL PASSIVE_LEVEL.
NTSTATUS register_at(std::uint32_t altitude, RegisterCallbackEx add) {
    WCHAR digits[kAltitudeDigits];
    std::uint32_t left = altitude;
    for (std::size_t i = kAltitudeDigits; i-- != 0; left /= 10) {
        digits[i] = static_cast<WCHAR>(u'0' + left % 10);
    }
    UNICODE_STRING text;
    text.Length = sizeof(digits);
    text.MaximumLength = sizeof(digits);
    text.Buffer = digits;
    return add(on_registry_notify, &text, g_context.driver, nullptr, &g_cookie, nullptr);
}

// STATUS_PROCEDURE_NOT_FOUND where the system has no such callbacks. IRQL PASSIVE_LEVEL.
NTSTATUS register_at_a_free_altitude() {
    const auto add = find_system_routine<RegisterCallbackEx>(u"CmRegisterCallbackEx");
    g_unregister = find_system_routine<UnRegisterCallback>(u"CmUnRegisterCallback");
    if (add == nullptr || g_unregister == nullptr) {
        return STATUS_PROCEDURE_NOT_FOUND;
    }
    NTSTATUS status = STATUS_FLT_INSTANCE_ALTITUDE_COLLISION;
    for (std::uint32_t i = 0; i < kAltitudes && status == STATUS_FLT_INSTANCE_ALTITUDE_COLLISION; ++i) {
        status = register_at(kFirstAltitude + i, add);
        if (NT_SUCCESS(status) && i != 0) {
            debug_error("AegisMon: another driver is at altitude %u, the registry sensor is at %u\n", kFirstAltitude,
                        kFirstAltitude + i);
        }
    }
    return status;
}

// IRQL PASSIVE_LEVEL.
NTSTATUS start_registry_sensor(const SensorContext& context) {
    g_context = context;
    find_safe_copy();
    find_key_names();
    find_system_process();
    const NTSTATUS status = register_at_a_free_altitude();
    g_health.registered(status);
    return status;
}

// IRQL PASSIVE_LEVEL.
void stop_registry_sensor() {
    g_unregister(g_cookie);
}

}  // namespace

constinit const Sensor kRegistrySensor = {"registry sensor",     AEGIS_CALLBACK_REGISTRY, 1U << AEGIS_EVENT_REGISTRY_OP,
                                          start_registry_sensor, stop_registry_sensor,    &g_health};

}  // namespace aegis::driver
