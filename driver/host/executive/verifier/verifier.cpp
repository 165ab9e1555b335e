#include "driver/host/executive/verifier/verifier.hpp"

#include <cstdio>
#include <cstdlib>

namespace aegis::host {

std::string_view bugcheck_name(Bugcheck code) {
    switch (code) {
        case Bugcheck::kApcIndexMismatch:
            return "APC_INDEX_MISMATCH";
        case Bugcheck::kBadPoolCaller:
            return "BAD_POOL_CALLER";
        case Bugcheck::kDriverCorruptedExpool:
            return "DRIVER_CORRUPTED_EXPOOL";
        case Bugcheck::kDriverLeftLockedPagesInProcess:
            return "DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS";
        case Bugcheck::kDriverOverranStackBuffer:
            return "DRIVER_OVERRAN_STACK_BUFFER";
        case Bugcheck::kDriverUnloadedWithoutCancellingPendingOperations:
            return "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS";
        case Bugcheck::kDriverVerifierDetectedViolation:
            return "DRIVER_VERIFIER_DETECTED_VIOLATION";
        case Bugcheck::kInvalidKernelHandle:
            return "INVALID_KERNEL_HANDLE";
        case Bugcheck::kInvalidProcessAttachAttempt:
            return "INVALID_PROCESS_ATTACH_ATTEMPT";
        case Bugcheck::kIrqlNotLessOrEqual:
            return "IRQL_NOT_LESS_OR_EQUAL";
        case Bugcheck::kKmodeExceptionNotHandled:
            return "KMODE_EXCEPTION_NOT_HANDLED";
        case Bugcheck::kMultipleIrpCompleteRequests:
            return "MULTIPLE_IRP_COMPLETE_REQUESTS";
        case Bugcheck::kProcessHasLockedPages:
            return "PROCESS_HAS_LOCKED_PAGES";
        case Bugcheck::kReferenceByPointer:
            return "REFERENCE_BY_POINTER";
        case Bugcheck::kSpinLockAlreadyOwned:
            return "SPIN_LOCK_ALREADY_OWNED";
        case Bugcheck::kSpinLockNotOwned:
            return "SPIN_LOCK_NOT_OWNED";
        case Bugcheck::kUnexpectedKernelModeTrap:
            return "UNEXPECTED_KERNEL_MODE_TRAP";
    }
    return "UNKNOWN";
}

void verifier_stop(Bugcheck code, std::string_view detail) {
    const std::string_view name = bugcheck_name(code);
    std::fprintf(stderr, "*** STOP: %.*s (%.*s)\n", static_cast<int>(name.size()), name.data(),
                 static_cast<int>(detail.size()), detail.data());
    std::fflush(stderr);
    std::abort();
}

}  // namespace aegis::host
