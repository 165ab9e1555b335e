// The text line of a handle event, behind its sequence:
//
//   PROCESS-OPEN pid=640 tid=644 powershell.exe target=812 agent.exe access=terminate|vm-write [stripped: terminate]
//   THREAD-OPEN pid=640 tid=644 target=812:816 access=suspend-resume [not granted]
//   PROCESS-OPEN pid=640 tid=644 target=812 access=vm-read [duplicate 700 -> 640]
//
// Programs are named where their starts were seen. The access is what was asked for. [stripped: …]: what the driver has
// taken off it; [not granted]: there is no handle, or nobody knows of one.
#pragma once

#include <cstdint>

#include "aegis/event.h"
#include "agent/events/lines.hpp"
#include "agent/events/process_table.hpp"

namespace aegis::agent {

// Of an event that happened at `time`. The first text that `processes` has of a process is its program's name.
// `scratch` is anything, before and after.
void append_handle_text(const AEGIS_HANDLE_PAYLOAD& handle, std::int64_t time, ProcessTable& processes,
                        KnownProcess& scratch, Lines& lines);

}  // namespace aegis::agent
