#include "driver/host/executive/thread_state.hpp"

#include <fmt/format.h>

#include "driver/host/executive/verifier.hpp"

namespace aegis::host {

ThreadState& this_thread() {
    thread_local ThreadState state;
    return state;
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
