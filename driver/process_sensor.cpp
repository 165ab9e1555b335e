#include "process_sensor.hpp"

#include <cstddef>
#include <cstdint>

#include "aegis/event.h"
#include "image_path.hpp"
#include "process_id.hpp"

namespace aegis::driver {
namespace {

// NT passes no context to a process notify routine, so what it needs is here. Written before registration and
// after removal, which waits for callbacks in flight; so callbacks read it without a lock.
RingChannel* g_channel = nullptr;
const SystemClock* g_clock = nullptr;
CallbackHealth g_health;

// A payload in compact form: what is behind the path is neither initialised nor published.
struct CompactPayload {
    AEGIS_PROCESS_PAYLOAD payload;
    std::size_t bytes;
};

void clear_fixed_part(AEGIS_PROCESS_PAYLOAD* payload) {
    RtlZeroMemory(payload, AEGIS_PROCESS_PAYLOAD_FIXED);
}

// IRQL PASSIVE_LEVEL, in the context of the creating thread, or of the last thread of an exiting process.
void NTAPI on_process_notify(PEPROCESS /*process*/, HANDLE process_id, PPS_CREATE_NOTIFY_INFO info) {
    const std::int64_t now = g_clock->now();
    g_health.called(now);

    CompactPayload event;
    event.bytes = AEGIS_PROCESS_PAYLOAD_FIXED;
    clear_fixed_part(&event.payload);
    event.payload.ProcessId = process_id_number(process_id);
    if (info == nullptr) {
        g_channel->publish(AEGIS_EVENT_PROCESS_EXIT, now, &event.payload, event.bytes);
        return;
    }
    event.payload.ParentProcessId = process_id_number(info->ParentProcessId);
    event.payload.CreatingProcessId = process_id_number(info->CreatingThreadId.UniqueProcess);
    event.bytes += copy_image_path(info->ImageFileName, info->FileOpenNameAvailable, &event.payload);
    g_channel->publish(AEGIS_EVENT_PROCESS_CREATE, now, &event.payload, event.bytes);
}

}  // namespace

NTSTATUS start_process_sensor(RingChannel& channel, const SystemClock& clock) {
    g_channel = &channel;
    g_clock = &clock;
    g_health.reset();
    const NTSTATUS status = PsSetCreateProcessNotifyRoutineEx(on_process_notify, FALSE);
    g_health.registered(status);
    return status;
}

void stop_process_sensor() {
    if (!g_health.is_registered()) {
        return;
    }
    PsSetCreateProcessNotifyRoutineEx(on_process_notify, TRUE);
    g_health.unregistered();
}

const CallbackHealth& process_sensor_health() {
    return g_health;
}

}  // namespace aegis::driver
