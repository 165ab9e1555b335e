#include "driver/host/executive/parts.hpp"

#include <utility>

#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

// Release when it is set, acquire when it is used: a driver's thread sees the parts constructed.
std::atomic<ExecutiveParts*> current{nullptr};

// The objects below register themselves with the parts they are members of.
ExecutiveOptions become_current(ExecutiveParts* parts, ExecutiveOptions options) {
    ExecutiveParts* expected = nullptr;
    if (!current.compare_exchange_strong(expected, parts, std::memory_order_release, std::memory_order_relaxed)) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation, "a second Executive is created");
    }
    return options;
}

}  // namespace

ExecutiveParts::ExecutiveParts(ExecutiveOptions chosen) : options(become_current(this, std::move(chosen))) {}

ExecutiveParts::~ExecutiveParts() {
    threads.clear();
    processes.destroy_system();
    current.store(nullptr, std::memory_order_release);
}

ExecutiveParts& executive_parts() {
    ExecutiveParts* parts = current.load(std::memory_order_acquire);
    if (parts == nullptr) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation, "an NT function is called without an Executive");
    }
    return *parts;
}

}  // namespace aegis::host
