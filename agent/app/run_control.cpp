#include "agent/app/run_control.hpp"

namespace aegis::agent {

void RunControl::end(EndCause cause, std::uint64_t limit) {
    auto none = EndCause::kNone;
    // Release; pairs with the load in cause(): who sees the cause sees what was said about it.
    cause_.compare_exchange_strong(none, cause, std::memory_order_release, std::memory_order_relaxed);
    std::uint64_t known = limit_.load(std::memory_order_relaxed);
    // Release; pairs with the load in ending().
    while (limit < known &&
           !limit_.compare_exchange_weak(known, limit, std::memory_order_release, std::memory_order_relaxed)) {
    }
    port_->interrupt();
}

void RunControl::end_interrupted(bool driver_is_stopping, std::uint64_t limit) {
    // A system that shuts down asks for both: the user's word is the better reason.
    if (!port_->stop_requested() && driver_is_stopping) {
        // A producer that died between an event and its count leaves the count one behind.
        end(EndCause::kDriverGone, limit + 1);
    } else {
        end(EndCause::kStopRequested, limit);
    }
}

void RunControl::leave() {
    const std::scoped_lock lock(mutex_);
    if (--workers_ == 0) {
        left_.notify_all();
        port_->interrupt();
    }
}

bool RunControl::wait_until_left(std::chrono::nanoseconds timeout) {
    std::unique_lock lock(mutex_);
    return left_.wait_for(lock, timeout, [this] { return workers_ == 0; });
}

bool RunControl::all_left() {
    const std::scoped_lock lock(mutex_);
    return workers_ == 0;
}

}  // namespace aegis::agent
