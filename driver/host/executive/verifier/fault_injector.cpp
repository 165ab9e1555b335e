#include "driver/host/executive/verifier/fault_injector.hpp"

namespace aegis::host {

void FaultInjector::arm(std::uint64_t first, std::uint64_t second) {
    const std::lock_guard lock(mutex_);
    first_ = first;
    second_ = second;
    calls_ = 0;
    failed_.clear();
}

std::uint64_t FaultInjector::calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

std::vector<std::string> FaultInjector::failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
}

bool FaultInjector::should_fail(std::string_view function) {
    const std::lock_guard lock(mutex_);
    ++calls_;
    if (calls_ != first_ && calls_ != second_) {
        return false;
    }
    failed_.emplace_back(function);
    return true;
}

}  // namespace aegis::host
