#include "sensors/handle_sensor.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "aegis/event.h"
#include "diagnostics/diagnostics.hpp"
#include "nt/process_id.hpp"
#include "nt/system_routine.hpp"
#include "sensors/handle_protection.hpp"
#include "sensors/handle_rights.hpp"
#include "sensors/pending_handles.hpp"
#include "sensors/process_key.hpp"

namespace aegis::driver {
namespace {

using RegisterCallbacks = NTSTATUS(NTAPI*)(POB_CALLBACK_REGISTRATION registration, PVOID* handle);
using UnregisterCallbacks = void(NTAPI*)(PVOID handle);

// Of the activity monitors, 360000 to 389999; as many as are tried when others have taken some.
constexpr std::uint32_t kFirstAltitude = 385000;
constexpr std::uint32_t kAltitudes = 16;
constexpr std::size_t kAltitudeDigits = 6;

// Written before registration and after removal, which waits for callbacks in flight; so callbacks read it without a
// lock.
constinit SensorContext g_context{};
constinit CallbackHealth g_health;
constinit HandleProtection g_protection;
PVOID g_registration = nullptr;
UnregisterCallbacks g_unregister = nullptr;

// Shared by callbacks; a place is whose it was taken for.
constinit PendingHandles g_pending;

// The process or thread that a handle is for.
struct Target {
    PEPROCESS process;
    std::uint32_t process_id;
    std::uint32_t thread_id;  // 0: the process
    std::uint8_t object_type;
};

// IRQL PASSIVE_LEVEL.
Target target_of(const OB_PRE_OPERATION_INFORMATION& info) {
    if (info.ObjectType == *process_type_variable()) {
        auto* const process = static_cast<PEPROCESS>(info.Object);
        return {process, process_id_number(PsGetProcessId(process)), 0, AEGIS_HANDLE_PROCESS};
    }
    auto* const thread = static_cast<PETHREAD>(info.Object);
    PEPROCESS process = IoThreadToProcess(thread);
    return {process, process_id_number(PsGetProcessId(process)), process_id_number(PsGetThreadId(thread)),
            AEGIS_HANDLE_THREAD};
}

// What the policy in force says, or, where it says nothing, what is dangerous. Any IRQL.
ACCESS_MASK rights_worth_an_event(std::uint8_t object_type) {
    const ACCESS_MASK wanted = g_context.policies->rights_worth_an_event(object_type);
    return wanted != 0 ? wanted : dangerous_rights(object_type);
}

// Both operations have the two access masks first.
static_assert(offsetof(OB_PRE_CREATE_HANDLE_INFORMATION, DesiredAccess) ==
              offsetof(OB_PRE_DUPLICATE_HANDLE_INFORMATION, DesiredAccess));
static_assert(offsetof(OB_PRE_CREATE_HANDLE_INFORMATION, OriginalDesiredAccess) ==
              offsetof(OB_PRE_DUPLICATE_HANDLE_INFORMATION, OriginalDesiredAccess));

// Takes from the handle what its target is protected from. True when that was anything. IRQL PASSIVE_LEVEL.
bool strip(const Target& target, OB_PRE_CREATE_HANDLE_INFORMATION* access) {
    const ACCESS_MASK left = access->DesiredAccess & rights_left(target.object_type);
    if (left == access->DesiredAccess || !g_protection.forbids(target.process)) {
        return false;
    }
    access->DesiredAccess = left;
    return true;
}

// IRQL PASSIVE_LEVEL.
void describe(const OB_PRE_OPERATION_INFORMATION& info, const Target& target, std::uint32_t opener, bool stripped,
              AEGIS_HANDLE_PAYLOAD* told) {
    RtlZeroMemory(told, sizeof(*told));
    const bool duplicate = info.Operation == OB_OPERATION_HANDLE_DUPLICATE;
    const OB_PRE_DUPLICATE_HANDLE_INFORMATION& access = info.Parameters->DuplicateHandleInformation;
    const ProcessKey key = process_key(PsGetCurrentProcessId());
    const ProcessKey target_key = process_key(target.process);
    told->ProcessId = opener;
    told->ThreadId = process_id_number(PsGetCurrentThreadId());
    told->ProcessKey = key.value;
    told->TargetProcessId = target.process_id;
    told->TargetThreadId = target.thread_id;
    told->TargetKey = target_key.value;
    told->OriginalAccess = access.OriginalDesiredAccess;
    told->DesiredAccess = access.DesiredAccess;
    told->Operation = duplicate ? AEGIS_HANDLE_DUPLICATE : AEGIS_HANDLE_OPEN;
    told->ObjectType = target.object_type;
    told->Flags = static_cast<std::uint16_t>((stripped ? AEGIS_HANDLE_STRIPPED : 0) |
                                             (key.is_time ? AEGIS_HANDLE_KEY_IS_TIME : 0) |
                                             (target_key.is_time ? AEGIS_HANDLE_TARGET_KEY_IS_TIME : 0));
    if (duplicate) {
        told->SourceProcessId = process_id_number(PsGetProcessId(static_cast<PEPROCESS>(access.SourceProcess)));
        told->DestinationProcessId = process_id_number(PsGetProcessId(static_cast<PEPROCESS>(access.TargetProcess)));
    }
}

// The end of one that is worth an event. IRQL PASSIVE_LEVEL.
void report(const AEGIS_HANDLE_PAYLOAD& told, std::int64_t time) {
    const bool stripped = (told.Flags & AEGIS_HANDLE_STRIPPED) != 0;
    const Subject subject{AEGIS_EVENT_HANDLE_OP, told.ProcessId, told.ProcessId, {}, time, stripped, told.Operation};
    const Decision decision = stripped ? g_context.policies->refused(subject) : g_context.policies->happened(subject);
    if (!g_context.keep_back(&g_health, decision, time)) {
        g_context.report(&g_health, AEGIS_EVENT_HANDLE_OP, time, &told, sizeof(told));
    }
}

// IRQL PASSIVE_LEVEL, inside a critical region, on the thread that makes the handle.
OB_PREOP_CALLBACK_STATUS NTAPI before_handle(PVOID /*context*/, POB_PRE_OPERATION_INFORMATION info) {
    info->CallContext = nullptr;
    if (info->KernelHandle) {
        return OB_PREOP_SUCCESS;
    }
    const bool some_protected = g_context.policies->protects_somebody();
    if (!some_protected && g_context.policies->is_off(AEGIS_EVENT_HANDLE_OP)) {
        return OB_PREOP_SUCCESS;
    }
    const std::int64_t now = g_context.clock->now();
    const Target target = target_of(*info);
    const std::uint32_t opener = process_id_number(PsGetCurrentProcessId());
    OB_PRE_CREATE_HANDLE_INFORMATION& access = info->Parameters->CreateHandleInformation;
    const ACCESS_MASK worth_an_event = rights_worth_an_event(target.object_type);
    const bool own = opener == target.process_id;
    const bool stripped = some_protected && !own && strip(target, &access);
    if (!stripped && some_protected && g_context.policies->is_off(AEGIS_EVENT_HANDLE_OP)) {
        return OB_PREOP_SUCCESS;
    }
    if (!stripped && (own || (access.OriginalDesiredAccess & worth_an_event) == 0)) {
        g_health.count(Outcome::kFiltered, now);
        return OB_PREOP_SUCCESS;
    }
    if (stripped) {
        report_refusal("handle", opener);
    }
    PendingHandle* const pending = g_pending.take(process_id_number(PsGetCurrentThreadId()));
    if (pending == nullptr) {
        AEGIS_HANDLE_PAYLOAD told;
        describe(*info, target, opener, stripped, &told);
        report(told, now);
        return OB_PREOP_SUCCESS;
    }
    describe(*info, target, opener, stripped, &pending->told);
    pending->time = now;
    info->CallContext = pending;
    return OB_PREOP_SUCCESS;
}

// The same, behind it.
void NTAPI after_handle(PVOID /*context*/, POB_POST_OPERATION_INFORMATION info) {
    auto* const pending = static_cast<PendingHandle*>(info->CallContext);
    if (pending == nullptr) {
        return;
    }
    AEGIS_HANDLE_PAYLOAD told = pending->told;
    const std::int64_t time = pending->time;
    g_pending.give_back(pending);
    if (NT_SUCCESS(info->ReturnStatus)) {
        told.GrantedAccess = info->Parameters->CreateHandleInformation.GrantedAccess;
        told.Flags |= AEGIS_HANDLE_GRANTED_VALID;
    }
    report(told, time);
}

// IRQL PASSIVE_LEVEL.
NTSTATUS register_at(RegisterCallbacks register_callbacks, std::uint32_t altitude) {
    WCHAR digits[kAltitudeDigits];
    std::uint32_t rest = altitude;
    for (std::size_t i = kAltitudeDigits; i-- != 0; rest /= 10) {
        digits[i] = static_cast<WCHAR>(u'0' + rest % 10);
    }
    constexpr OB_OPERATION kBoth = OB_OPERATION_HANDLE_CREATE | OB_OPERATION_HANDLE_DUPLICATE;
    OB_OPERATION_REGISTRATION operations[] = {
        {process_type_variable(), kBoth, before_handle, after_handle},
        {thread_type_variable(), kBoth, before_handle, after_handle},
    };
    OB_CALLBACK_REGISTRATION registration{};
    registration.Version = OB_FLT_REGISTRATION_VERSION;
    registration.OperationRegistrationCount = std::size(operations);
    registration.Altitude.Length = sizeof(digits);
    registration.Altitude.MaximumLength = sizeof(digits);
    registration.Altitude.Buffer = digits;
    registration.OperationRegistration = operations;
    return register_callbacks(&registration, &g_registration);
}

// STATUS_PROCEDURE_NOT_FOUND where the system has no such callbacks. IRQL PASSIVE_LEVEL.
NTSTATUS register_somewhere() {
    const auto register_callbacks = find_system_routine<RegisterCallbacks>(u"ObRegisterCallbacks");
    g_unregister = find_system_routine<UnregisterCallbacks>(u"ObUnRegisterCallbacks");
    if (register_callbacks == nullptr || g_unregister == nullptr) {
        return STATUS_PROCEDURE_NOT_FOUND;
    }
    NTSTATUS status = STATUS_FLT_INSTANCE_ALTITUDE_COLLISION;
    for (std::uint32_t i = 0; i < kAltitudes && status == STATUS_FLT_INSTANCE_ALTITUDE_COLLISION; ++i) {
        status = register_at(register_callbacks, kFirstAltitude + i);
        if (NT_SUCCESS(status) && i != 0) {
            report_altitude("handle sensor", kFirstAltitude + i);
        }
    }
    return status;
}

// IRQL PASSIVE_LEVEL.
NTSTATUS start_handle_sensor(const SensorContext& context) {
    g_context = context;
    g_protection.start(*context.channel, *context.policies);
    const NTSTATUS status = register_somewhere();
    g_health.registered(status);
    context.policies->can_protect(NT_SUCCESS(status));
    return status;
}

// IRQL PASSIVE_LEVEL.
void stop_handle_sensor() {
    g_unregister(g_registration);
}

}  // namespace

constinit const Sensor kHandleSensor = {"handle sensor",     AEGIS_CALLBACK_HANDLE, 1U << AEGIS_EVENT_HANDLE_OP,
                                        start_handle_sensor, stop_handle_sensor,    &g_health};

}  // namespace aegis::driver
