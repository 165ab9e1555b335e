#include "consumers/owner_exit.hpp"

namespace aegis::driver {
namespace {

// As in process_sensor.cpp: written while the callback is not registered.
HandleTable* g_handles = nullptr;
const SystemClock* g_clock = nullptr;
CallbackHealth g_health;

// IRQL PASSIVE_LEVEL; for an exit in the context of the exiting process.
void NTAPI on_process_notify(HANDLE /*parent_id*/, HANDLE process_id, BOOLEAN created) {
    g_health.called(g_clock->now());
    if (!created) {
        g_handles->owner_exits(process_id);
    }
}

}  // namespace

NTSTATUS start_owner_exit_watch(HandleTable& handles, const SystemClock& clock) {
    g_handles = &handles;
    g_clock = &clock;
    g_health.reset();
    const NTSTATUS status = PsSetCreateProcessNotifyRoutine(on_process_notify, FALSE);
    g_health.registered(status);
    return status;
}

void stop_owner_exit_watch() {
    PsSetCreateProcessNotifyRoutine(on_process_notify, TRUE);
    g_health.unregistered();
}

const CallbackHealth& owner_exit_health() {
    return g_health;
}

}  // namespace aegis::driver
