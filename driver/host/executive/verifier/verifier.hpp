// The end of a driver that broke a rule: "*** STOP: NAME (detail)" on stderr, then abort().
#pragma once

#include <string_view>

namespace aegis::host {

// NT's names of what Windows or its driver verifier would show.
enum class Bugcheck {
    kApcIndexMismatch,
    kBadPoolCaller,
    kDriverCorruptedExpool,
    kDriverLeftLockedPagesInProcess,
    kDriverOverranStackBuffer,
    kDriverUnloadedWithoutCancellingPendingOperations,
    kDriverVerifierDetectedViolation,
    kInvalidKernelHandle,
    kInvalidProcessAttachAttempt,
    kIrqlNotLessOrEqual,
    kKmodeExceptionNotHandled,
    kMultipleIrpCompleteRequests,
    kProcessHasLockedPages,
    kReferenceByPointer,
    kSpinLockAlreadyOwned,
    kSpinLockNotOwned,
    kUnexpectedKernelModeTrap,
};

std::string_view bugcheck_name(Bugcheck code);

// `detail` is one line: which object, which rule.
[[noreturn]] void verifier_stop(Bugcheck code, std::string_view detail);

}  // namespace aegis::host
