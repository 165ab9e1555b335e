#include "agent/client/doorbell_watch.hpp"

#include <algorithm>

namespace aegis::client {

DoorbellWatch::Outcome DoorbellWatch::sleep(Deadline deadline) {
    std::unique_lock lock(mutex_);
    if (watched_) {
        return rest(lock, deadline);
    }
    watched_ = true;
    lock.unlock();
    const Outcome outcome = keep_watch(deadline);
    lock.lock();
    watched_ = false;
    return outcome;
}

DoorbellWatch::Outcome DoorbellWatch::rest(std::unique_lock<std::mutex>& lock, Deadline deadline) {
    const auto called = [this] { return calls_ != 0; };
    resting_.fetch_add(1, std::memory_order_relaxed);
    if (deadline) {
        called_.wait_until(lock, *deadline, called);
    } else {
        called_.wait(lock, called);
    }
    resting_.fetch_sub(1, std::memory_order_relaxed);
    if (calls_ == 0) {
        return Outcome::kTimeout;
    }
    --calls_;
    return Outcome::kLookAgain;
}

DoorbellWatch::Outcome DoorbellWatch::keep_watch(Deadline deadline) {
    // An idle reader sets no timer of its own: after a batch that did not even begin, the first event alone rings the
    // bell.
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
    const WaitStatus status = wait_for(cursor, batch, deadline);
    listener_.disarm();
    switch (status) {
        case WaitStatus::kInterrupted:
            return Outcome::kInterrupted;
        case WaitStatus::kStopping:
            return Outcome::kStopping;
        case WaitStatus::kDriverGone:
            return Outcome::kDriverGone;
        case WaitStatus::kTimeout:
            quiet_ = group_->memory().load_published() <= cursor;
            return deadline && Clock::now() >= *deadline ? Outcome::kTimeout : Outcome::kWoken;
        case WaitStatus::kSignalled:
            return Outcome::kWoken;
    }
    return Outcome::kWoken;
}

WaitStatus DoorbellWatch::wait_for(ring::Ticket cursor, std::uint64_t batch, Deadline deadline) {
    if (batch != 1) {
        const Clock::time_point end = Clock::now() + kBatchTimeout;
        deadline = deadline ? std::min(*deadline, end) : end;
    }
    WaitStatus status{};
    do {
        Timeout left;
        if (deadline) {
            left = std::max<std::chrono::nanoseconds>(*deadline - Clock::now(), std::chrono::nanoseconds::zero());
        }
        status = device_->wait(left);
        // A single event needs no count: any ring is worth a look.
    } while (batch != 1 && status == WaitStatus::kSignalled && !lost_more() &&
             listener_.wait_again(group_->memory(), cursor, batch));
    return status;
}

void DoorbellWatch::call_one() {
    const std::scoped_lock lock(mutex_);
    if (resting_.load(std::memory_order_relaxed) > calls_) {
        ++calls_;
        called_.notify_one();
    }
}

}  // namespace aegis::client
