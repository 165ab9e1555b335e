#include "driver/host/executive/memory/map_pages.hpp"

#include <fmt/format.h>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {

PVOID map_locked_pages(PMDL mdl, KPROCESSOR_MODE mode, MEMORY_CACHING_TYPE cache, PVOID address, ULONG priority) {
    require_irql(mode == UserMode ? APC_LEVEL : DISPATCH_LEVEL, "MmMapLockedPagesSpecifyCache");
    ExecutiveParts& parts = executive_parts();
    if (parts.faults.should_fail("MmMapLockedPagesSpecifyCache")) {
        return nullptr;
    }
    // Pool has a system address, and every MDL here is of pool: NT documents a second one as an error.
    if (mode == KernelMode) {
        verifier_stop(
            Bugcheck::kDriverVerifierDetectedViolation,
            fmt::format("MDL {} describes nonpaged pool and is mapped into the system already", fmt::ptr(mdl)));
    }
    // The pool's own mapping is cached, and a processor may do anything with a page that is cached here and not there.
    if (cache != MmCached) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("a user mapping of nonpaged pool is asked for with cache type {}", int{cache}));
    }
    // Choosing the address is the caller's right on NT, but a driver that does so takes it from somewhere it should
    // not trust.
    if (address != nullptr) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("a user mapping is asked for at the address {}", address));
    }
    return parts.mdls.map_user(mdl, priority);
}

}  // namespace aegis::host

extern "C" PVOID NTAPI MmMapLockedPagesSpecifyCache(PMDLX MemoryDescriptorList, KPROCESSOR_MODE AccessMode,
                                                    MEMORY_CACHING_TYPE CacheType, PVOID BaseAddress, ULONG,
                                                    ULONG Priority) {
    PVOID mapped = aegis::host::map_locked_pages(MemoryDescriptorList, AccessMode, CacheType, BaseAddress, Priority);
    if (mapped == nullptr && AccessMode == UserMode) {
        aegis::host::verifier_stop(aegis::host::Bugcheck::kKmodeExceptionNotHandled,
                                   "MmMapLockedPagesSpecifyCache failed for UserMode and raised outside a guard");
    }
    return mapped;
}
