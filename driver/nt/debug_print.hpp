// The driver's debug output: one line per load step that fails, one when it is ready, one when it finds itself broken.
#pragma once

#include "nt/nt.hpp"

namespace aegis::driver {

// Shown by default in a kernel debugger. IRQL <= DISPATCH_LEVEL; `format` without %w… conversions, which are
// limited to PASSIVE_LEVEL.
template <class... Arguments>
void debug_error(const char* format, Arguments... arguments) {
    DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, format, arguments...);
}

// Shown when the IHVDRIVER component is unmasked for information. IRQL <= DISPATCH_LEVEL.
template <class... Arguments>
void debug_info(const char* format, Arguments... arguments) {
    DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, format, arguments...);
}

// Reports a load step that failed and hands its status on. IRQL <= DISPATCH_LEVEL.
inline NTSTATUS failed(const char* step, NTSTATUS status) {
    debug_error("AegisMon: cannot %s: 0x%08x\n", step, status);
    return status;
}

}  // namespace aegis::driver
