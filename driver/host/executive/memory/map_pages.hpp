// MmMapLockedPagesSpecifyCache without the exception: what both the bare call and the guarded one are made of.
#pragma once

#include <ntifs.h>

namespace aegis::host {

// Null where NT fails: by raising for UserMode, by returning null for KernelMode. Stops on what NT forbids of an MDL
// that describes nonpaged pool: another cache type than the pool's own, and a second system address.
PVOID map_locked_pages(PMDL mdl, KPROCESSOR_MODE mode, MEMORY_CACHING_TYPE cache, PVOID address, ULONG priority);

}  // namespace aegis::host
