// Handles that belong to the kernel: of the system process, out of reach of user mode.
#pragma once

#include <ntifs.h>

#include <cstdint>

#include "driver/host/executive/objects/object.hpp"

namespace aegis::host {

bool is_kernel_handle(HANDLE handle);
// The value in its handle table, of either kind of handle.
std::uint64_t handle_value(HANDLE handle);

// A handle the driver asked for: the kernel's with OBJ_KERNEL_HANDLE or in the system process; any other would land in
// the table of whatever process happens to call, where it can be used and closed, and is a stop.
NTSTATUS insert_driver_handle(Object& object, ACCESS_MASK granted, ULONG attributes, PHANDLE handle);

}  // namespace aegis::host
