// What the executive does otherwise for an image than for a driver that is linked into this program: the functions that
// look at who calls them.
#pragma once

#include <string_view>

namespace aegis::host {

// The function that an image's import of `name` leads to in place of the executive's own; null for most names.
//
// MmMapLockedPagesSpecifyCache raises (raising_call.hpp). MmGetSystemRoutineAddress finds what imports are bound to.
// PsSetCreateProcessNotifyRoutineEx and …Ex2 deny access to an image that was not linked with /INTEGRITYCHECK.
const void* image_export(std::string_view name);

}  // namespace aegis::host
