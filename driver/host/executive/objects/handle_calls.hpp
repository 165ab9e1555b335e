// The system calls that make handles to processes and threads, and those that duplicate handles. Drivers' callbacks are
// told of each.
#pragma once

#include <cstdint>
#include <optional>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/objects/object_callbacks.hpp"
#include "driver/host/executive/processes/process.hpp"

namespace aegis::host {

// Whether drivers are told of handles to such an object.
bool has_callbacks(const Object& object);

// All of these in the context of the caller. STATUS_INVALID_CID where nobody has that number.
HandleResult open_process_object(Process& caller, std::uint32_t pid, ACCESS_MASK desired);
HandleResult open_thread_object(Process& caller, std::uint32_t tid, ACCESS_MASK desired);

// From the handles of `source` into those of `target`; without `access` with that of the source.
HandleResult duplicate_object(Process& source, ProcessHandle handle, Process& target,
                              std::optional<ACCESS_MASK> access);
// The same where the processes are named by handles of the caller's.
HandleResult duplicate_for(Process& caller, ProcessHandle source, ProcessHandle handle, ProcessHandle target,
                           std::optional<ACCESS_MASK> access);

// See Executive::raise_handle_open.
void replay_handle_open(const HandleOpen& open);

}  // namespace aegis::host
