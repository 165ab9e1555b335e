#include "agent/client/doorbell_watch.hpp"

#include <algorithm>

namespace aegis::agent {

DoorbellWatch::Outcome DoorbellWatch::sleep() {
    std::unique_lock lock(mutex_);
    if (dismissed_) {
        return Outcome::kLookAgain;
    }
    if (watched_) {
        resting_.fetch_add(1, std::memory_order_relaxed);
        called_.wait(lock, [this] { return calls_ != 0 || dismissed_; });
        resting_.fetch_sub(1, std::memory_order_relaxed);
        if (calls_ != 0) {
            --calls_;
        }
        return Outcome::kLookAgain;
    }
    watched_ = true;
    lock.unlock();
    const Outcome outcome = keep_watch();
    lock.lock();
    watched_ = false;
    return outcome;
}

DoorbellWatch::Outcome DoorbellWatch::keep_watch() {
    // An idle agent sets no timer: after a batch that did not even begin, the first event alone rings the bell.
    const std::uint64_t batch = quiet_ ? 1 : batch_;
    const ring::Ticket cursor = group_->cursor();
    quiet_ = false;
    if (!listener_.arm(group_->memory(), cursor, batch)) {
        return Outcome::kLookAgain;
    }
    // The driver counts a loss, passes its full fence, looks at who sleeps; here the bell is armed, arm() passes its
    // own, and the counters are looked at. At least one of the two sees the other.
    if (lost_more()) {
        listener_.disarm();
        return Outcome::kLookAgain;
    }
    const WaitStatus status = wait_for(cursor, batch);
    listener_.disarm();
    switch (status) {
        case WaitStatus::kInterrupted:
            return Outcome::kInterrupted;
        case WaitStatus::kDriverGone:
            return Outcome::kDriverGone;
        case WaitStatus::kTimeout:
            quiet_ = group_->memory().load_published() <= cursor;
            return Outcome::kWoken;
        case WaitStatus::kSignalled:
            return Outcome::kWoken;
    }
    return Outcome::kWoken;
}

WaitStatus DoorbellWatch::wait_for(ring::Ticket cursor, std::uint64_t batch) {
    if (batch == 1) {
        return device_->wait(Timeout());
    }
    const auto deadline = std::chrono::steady_clock::now() + kBatchTimeout;
    WaitStatus status{};
    do {
        const std::chrono::nanoseconds left = deadline - std::chrono::steady_clock::now();
        status = device_->wait(Timeout(std::max(left, std::chrono::nanoseconds::zero())));
    } while (status == WaitStatus::kSignalled && !lost_more() && listener_.wait_again(group_->memory(), cursor, batch));
    return status;
}

void DoorbellWatch::call_one() {
    const std::scoped_lock lock(mutex_);
    if (resting_.load(std::memory_order_relaxed) > calls_) {
        ++calls_;
        called_.notify_one();
    }
}

void DoorbellWatch::dismiss() {
    const std::scoped_lock lock(mutex_);
    dismissed_ = true;
    called_.notify_all();
}

}  // namespace aegis::agent
