#include "sensors/process_sensor.hpp"

#include <cstddef>
#include <cstdint>

#include "aegis/event.h"
#include "diagnostics/diagnostics.hpp"
#include "nt/process_id.hpp"
#include "nt/system_routine.hpp"
#include "sensors/first_threads.hpp"
#include "sensors/image_path.hpp"
#include "sensors/process_details.hpp"

namespace aegis::driver {
namespace {

// NT passes no context to a process notify routine, so what it needs is here. Written before registration and
// after removal, which waits for callbacks in flight; so callbacks read it without a lock.
constinit SensorContext g_context{};
constinit CallbackHealth g_health;
// DriverEntry runs in the system process.
std::uint32_t g_system_process_id = 0;
// What the routine is registered with; null: with PsSetCreateProcessNotifyRoutineEx.
SetProcessNotifyRoutineEx2 g_set_for_subsystems = nullptr;

// A payload in compact form: what is behind the path is neither initialised nor published.
struct CompactPayload {
    AEGIS_PROCESS_PAYLOAD payload;
    std::size_t bytes;
};

void clear_fixed_part(AEGIS_PROCESS_PAYLOAD* payload) {
    RtlZeroMemory(payload, AEGIS_PROCESS_PAYLOAD_FIXED);
}

// Not inlined: an event of details and a process event are never on the stack together.
[[gnu::noinline]] void report_exit(std::uint32_t process_id, std::int64_t now);
[[gnu::noinline]] void report_create(std::uint32_t process_id, PPS_CREATE_NOTIFY_INFO info, bool refused,
                                     std::int64_t now);

// IRQL PASSIVE_LEVEL.
void report_exit(std::uint32_t process_id, std::int64_t now) {
    AEGIS_PROCESS_PAYLOAD payload;
    clear_fixed_part(&payload);
    payload.ProcessId = process_id;
    g_context.report(&g_health, AEGIS_EVENT_PROCESS_EXIT, now, &payload, AEGIS_PROCESS_PAYLOAD_FIXED);
}

// IRQL PASSIVE_LEVEL.
void on_exit(PEPROCESS process, std::uint32_t process_id, std::int64_t now) {
    forget_first_thread(process_id);
    const Decision decision =
        g_context.policies->process_ended({AEGIS_EVENT_PROCESS_EXIT, process_id, 0, {}, now, false});
    if (g_context.keep_back(&g_health, decision, now)) {
        return;
    }
    publish_exit_details(g_context, process, process_id, now);
    report_exit(process_id, now);
}

PathText image_text(PCUNICODE_STRING path) {
    if (path == nullptr || path->Buffer == nullptr) {
        return {};
    }
    return {path->Buffer, path->Length / sizeof(WCHAR)};
}

// Asks the policy, and refuses the creation when that says so. When somebody else has refused it before, the process is
// refused all the same: its event says so, and its end is none. IRQL PASSIVE_LEVEL.
Decision decide_start(std::uint32_t process_id, PPS_CREATE_NOTIFY_INFO info, std::int64_t now) {
    const std::uint32_t creator = process_id_number(info->CreatingThreadId.UniqueProcess);
    // What the system starts itself, it needs; and a driver that does not trust itself stops nobody.
    const bool may_be_refused = creator != g_system_process_id && !g_context.channel->has_failed();
    Decision decision = g_context.policies->process_started(
        {AEGIS_EVENT_PROCESS_CREATE, process_id, creator, image_text(info->ImageFileName), now, may_be_refused});
    if (!NT_SUCCESS(info->CreationStatus)) {
        decision.refused = true;
        g_context.policies->mark_refused(process_id);
    } else if (decision.refused) {
        info->CreationStatus = STATUS_ACCESS_DENIED;
        report_refusal("process", process_id);
    }
    return decision;
}

// IRQL PASSIVE_LEVEL.
void report_create(std::uint32_t process_id, PPS_CREATE_NOTIFY_INFO info, bool refused, std::int64_t now) {
    CompactPayload event;
    event.bytes = AEGIS_PROCESS_PAYLOAD_FIXED;
    clear_fixed_part(&event.payload);
    event.payload.ProcessId = process_id;
    event.payload.ParentProcessId = process_id_number(info->ParentProcessId);
    event.payload.CreatingProcessId = process_id_number(info->CreatingThreadId.UniqueProcess);
    event.bytes += copy_image_path(info->ImageFileName, info->FileOpenNameAvailable, &event.payload);
    if (refused) {
        event.payload.ImagePathFlags |= AEGIS_PROCESS_REFUSED;
    }
    g_context.report(&g_health, AEGIS_EVENT_PROCESS_CREATE, now, &event.payload, event.bytes);
}

// IRQL PASSIVE_LEVEL.
void on_create(PEPROCESS process, std::uint32_t process_id, PPS_CREATE_NOTIFY_INFO info, std::int64_t now) {
    const Decision decision = decide_start(process_id, info, now);
    if (!decision.refused) {
        expect_first_thread(process_id);
    }
    if (g_context.keep_back(&g_health, decision, now)) {
        return;
    }
    publish_start_details(g_context, process, process_id, *info, now);
    report_create(process_id, info, decision.refused, now);
}

// IRQL PASSIVE_LEVEL, in the context of the creating thread, or of the last thread of an exiting process.
void NTAPI on_process_notify(PEPROCESS process, HANDLE process_id, PPS_CREATE_NOTIFY_INFO info) {
    const std::int64_t now = g_context.clock->now();
    if (info == nullptr) {
        on_exit(process, process_id_number(process_id), now);
    } else {
        on_create(process, process_id_number(process_id), info, now);
    }
}

// Only so are processes of subsystems reported, those of WSL 1 for one. STATUS_PROCEDURE_NOT_FOUND on older systems.
// IRQL PASSIVE_LEVEL.
NTSTATUS register_for_subsystems() {
    const auto set = find_system_routine<SetProcessNotifyRoutineEx2>(u"PsSetCreateProcessNotifyRoutineEx2");
    if (set == nullptr) {
        return STATUS_PROCEDURE_NOT_FOUND;
    }
    const NTSTATUS status = set(kPsCreateProcessNotifySubsystems, reinterpret_cast<PVOID>(on_process_notify), FALSE);
    g_set_for_subsystems = NT_SUCCESS(status) ? set : nullptr;
    return status;
}

// IRQL PASSIVE_LEVEL.
NTSTATUS start_process_sensor(const SensorContext& context) {
    g_context = context;
    g_system_process_id = process_id_number(PsGetCurrentProcessId());
    reset_first_threads();
    find_process_details();
    g_set_for_subsystems = nullptr;
    NTSTATUS status = register_for_subsystems();
    if (NT_SUCCESS(status)) {
        g_health.registered(status);
        return status;
    }
    failed("see processes of every subsystem", status);
    status = PsSetCreateProcessNotifyRoutineEx(on_process_notify, FALSE);
    g_health.registered(status, AEGIS_CALLBACK_NO_SUBSYSTEMS);
    return status;
}

// IRQL PASSIVE_LEVEL.
void stop_process_sensor() {
    if (g_set_for_subsystems != nullptr) {
        g_set_for_subsystems(kPsCreateProcessNotifySubsystems, reinterpret_cast<PVOID>(on_process_notify), TRUE);
    } else {
        PsSetCreateProcessNotifyRoutineEx(on_process_notify, TRUE);
    }
}

}  // namespace

constinit const Sensor kProcessSensor = {
    "process sensor",     AEGIS_CALLBACK_PROCESS, 1U << AEGIS_EVENT_PROCESS_CREATE | 1U << AEGIS_EVENT_PROCESS_EXIT,
    start_process_sensor, stop_process_sensor,    &g_health};

}  // namespace aegis::driver
