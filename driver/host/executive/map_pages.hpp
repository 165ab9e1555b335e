// MmMapLockedPagesSpecifyCache without the exception: what both the bare call and the guarded one are made of.
#pragma once

#include <ntifs.h>

namespace aegis::host {

// Null where NT fails: by raising for UserMode, by returning null for KernelMode.
PVOID map_locked_pages(PMDL mdl, KPROCESSOR_MODE mode, MEMORY_CACHING_TYPE cache, PVOID address, ULONG priority);

}  // namespace aegis::host
