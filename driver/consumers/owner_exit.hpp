// The transport's own notification: a consumer whose process ends while its handle lives on in another process must
// be undone while its address space still exists. Separate from the process sensor, so that neither depends on the
// other.
//
// The plain notification, which is not told of processes of other subsystems (WSL 1), is enough: their system calls go
// to their subsystem and never reach NT's, so none of them can send a setup, and only who sent one owns a mapping. It
// also works in an image without forced integrity, where those that tell more are refused, and the driver could not
// map.
#pragma once

#include "aegis/ioctl.h"
#include "consumers/handle_table.hpp"
#include "nt/system_clock.hpp"

namespace aegis::driver {

// Without it no memory may be mapped, so a failure fails the load. IRQL PASSIVE_LEVEL.
NTSTATUS start_owner_exit_watch(HandleTable& handles, const SystemClock& clock);

// After it returns, no callback is under way and none will come. IRQL PASSIVE_LEVEL.
void stop_owner_exit_watch();

// Fills its row of the query reply: what it sees makes no event, so all of it is filtered. Any IRQL.
void describe_owner_exit_watch(AEGIS_CALLBACK_HEALTH* row);

}  // namespace aegis::driver
