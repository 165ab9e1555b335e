#include "driver/host/executive/sync/thread_state.hpp"

#include <fmt/format.h>
#include <sanitizer/asan_interface.h>

#include <utility>

#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

// Nothing where AddressSanitizer is not.
void set_reachable([[maybe_unused]] const PageableRange& range, bool reachable) {
    if (reachable) {
        ASAN_UNPOISON_MEMORY_REGION(range.address, range.bytes);
        return;
    }
    ASAN_POISON_MEMORY_REGION(range.address, range.bytes);
}

}  // namespace

ThreadState& this_thread() {
    thread_local ThreadState state;
    return state;
}

KIRQL change_irql(KIRQL irql) {
    ThreadState& thread = this_thread();
    const KIRQL before = std::exchange(thread.irql, irql);
    if ((before < DISPATCH_LEVEL) != (irql < DISPATCH_LEVEL)) {
        for (const PageableRange& range : thread.pageable) {
            set_reachable(range, irql < DISPATCH_LEVEL);
        }
    }
    return before;
}

void require_irql(KIRQL limit, const char* function) {
    const KIRQL irql = this_thread().irql;
    if (irql > limit) {
        verifier_stop(Bugcheck::kIrqlNotLessOrEqual,
                      fmt::format("{} called at IRQL {}, allowed up to {}", function, irql, limit));
    }
}

}  // namespace aegis::host

extern "C" KIRQL NTAPI KeGetCurrentIrql() {
    return aegis::host::this_thread().irql;
}
