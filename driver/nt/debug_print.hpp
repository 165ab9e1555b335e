// The driver's debug output; what else becomes of it is in diagnostics/.
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

}  // namespace aegis::driver
