// MmMapLockedPagesSpecifyCache as an image imports it: where it fails for UserMode it raises into the image, and the
// image's own guard (driver/consumers/mapping_guard_x64.S) has to catch that.
#pragma once

namespace aegis::host {

// What the gate of an image's import of MmMapLockedPagesSpecifyCache calls. An exception that the function which called
// the gate does not catch ends the process with KMODE_EXCEPTION_NOT_HANDLED, as on NT.
const void* raising_map_locked_pages();

// What an image's import of __C_specific_handler is bound to. Nobody calls it: unwind.hpp reads the scope tables that
// it would read.
const void* c_specific_handler();

}  // namespace aegis::host
