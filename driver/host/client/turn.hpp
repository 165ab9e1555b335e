// A lock that is waited for within a limit. (ThreadSanitizer does not know std::timed_mutex.)
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace aegis::host::client {

// Any thread. What happens in one turn happens before what happens in the next.
class TurnTaking {
  public:
    // False: `end` has come, and it still was somebody else's turn.
    bool take(std::chrono::steady_clock::time_point end) {
        std::unique_lock lock(mutex_);
        if (!over_.wait_until(lock, end, [this] { return !taken_; })) {
            return false;
        }
        taken_ = true;
        return true;
    }
    void give_back() {
        const std::lock_guard guard(mutex_);
        taken_ = false;
        over_.notify_one();
    }

  private:
    std::mutex mutex_;  // guards taken_
    std::condition_variable over_;
    bool taken_ = false;
};

// A turn for one scope, once it was taken.
class Turn {
  public:
    explicit Turn(TurnTaking& turns) : turns_(turns) {}
    ~Turn() {
        if (taken_) {
            turns_.give_back();
        }
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    bool take(std::chrono::steady_clock::time_point end) { return taken_ = turns_.take(end); }

  private:
    TurnTaking& turns_;
    bool taken_ = false;
};

}  // namespace aegis::host::client
