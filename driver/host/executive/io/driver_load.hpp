// DriverEntry, DriverUnload, and what has to be gone after them.
#pragma once

#include <ntifs.h>

#include "driver/host/executive/executive.hpp"

namespace aegis::host {

NTSTATUS load_driver(DRIVER_INITIALIZE* entry, const ServiceOptions& service);

// Runs DriverUnload. For the one caller whom IoState told to.
void finish_unload();

}  // namespace aegis::host
