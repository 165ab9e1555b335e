#include <ntifs.h>

#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

using namespace aegis::host;

extern "C" void NTAPI KeEnterCriticalRegion() {
    require_irql(APC_LEVEL, "KeEnterCriticalRegion");
    ++this_thread().critical_regions;
}

extern "C" void NTAPI KeLeaveCriticalRegion() {
    require_irql(APC_LEVEL, "KeLeaveCriticalRegion");
    if (this_thread().critical_regions == 0) {
        verifier_stop(Bugcheck::kApcIndexMismatch, "KeLeaveCriticalRegion without KeEnterCriticalRegion");
    }
    --this_thread().critical_regions;
}
