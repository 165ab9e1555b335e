#include "consumers/owner_exit.hpp"

#include "channel/callback_health.hpp"

namespace aegis::driver {
namespace {

// NT passes no context to a process notify routine. Written while it is not registered, so read without a lock.
HandleTable* g_handles = nullptr;
const SystemClock* g_clock = nullptr;
constinit CallbackHealth g_health;

// IRQL PASSIVE_LEVEL; for an exit in the context of the exiting process.
void NTAPI on_process_notify(HANDLE /*parent_id*/, HANDLE process_id, BOOLEAN created) {
    g_health.count(Outcome::kFiltered, g_clock->now());
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

void describe_owner_exit_watch(AEGIS_CALLBACK_HEALTH* row) {
    g_health.describe(AEGIS_CALLBACK_OWNER_EXIT, row);
}

}  // namespace aegis::driver
