/*
 * MmMapLockedPagesSpecifyCache with AccessMode UserMode raises an exception when it fails, and an unhandled
 * exception in a driver is a bugcheck. gcc has no __try, so the one call that may raise goes through this routine:
 * mapping_guard_x64.S carries the scope table by hand; the host build has its own.
 */
#ifndef AEGIS_MAPPING_GUARD_H
#define AEGIS_MAPPING_GUARD_H

#include <ntifs.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Arguments and result of MmMapLockedPagesSpecifyCache; null also where that raises. IRQL <= APC_LEVEL. */
PVOID NTAPI AegisGuardedMapLockedPages(PMDL mdl, KPROCESSOR_MODE mode, MEMORY_CACHING_TYPE cache, PVOID address,
                                       ULONG bugcheck_on_failure, ULONG priority);

#ifdef __cplusplus
}
#endif

#endif
