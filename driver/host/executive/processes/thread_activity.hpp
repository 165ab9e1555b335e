// Thread creation and exit as the notify routines see them.
#pragma once

#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/processes/process_activity.hpp"
#include "driver/host/executive/processes/thread.hpp"

namespace aegis::host {

// Calls the notify routines: in the context of `creator`, and then, those that want it so, in the new thread's.
void notify_thread_creation(Process& process, Process& creator, const ThreadCreation& creation);

// Calls the notify routines in the context of the thread that ends.
void notify_thread_exit(Process& process, const Thread& thread, const ThreadExit& exit);

}  // namespace aegis::host
