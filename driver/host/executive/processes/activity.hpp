// Process creation and exit as the notify routines see them.
#pragma once

#include <cstdint>

#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/processes/process_activity.hpp"

namespace aegis::host {

// Calls the notify routines in the context of `creator`. Returns what they left in CreationStatus.
NTSTATUS notify_creation(Process& process, Process& creator, const ProcessCreation& creation);

// Calls the notify routines in the context of `process`.
void notify_exit(Process& process, std::int64_t timestamp);

// The whole end of a client; see Executive::exit_process(). False when it had ended already. Its handles are closed by
// the process itself, or by a thread of `closer` that is attached to it.
bool exit_client(Process& process, std::int64_t timestamp, bool reported, Process* closer = nullptr);

}  // namespace aegis::host
