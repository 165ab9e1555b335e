// The host's counterpart of the driver's exception guard (driver/consumers/mapping_guard.h): null instead of the
// exception.
#include "driver/consumers/mapping_guard.h"

#include "driver/host/executive/memory/map_pages.hpp"

extern "C" PVOID NTAPI AegisGuardedMapLockedPages(PMDL mdl, KPROCESSOR_MODE mode, MEMORY_CACHING_TYPE cache,
                                                  PVOID address, ULONG, ULONG priority) {
    return aegis::host::map_locked_pages(mdl, mode, cache, address, priority);
}
