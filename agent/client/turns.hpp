// A lock that is waited for within a limit. (ThreadSanitizer does not know std::timed_mutex.)
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>

namespace aegis::client {

// None: for ever.
using Deadline = std::optional<std::chrono::steady_clock::time_point>;

// Any thread. What happens in one turn happens before what happens in the next.
class Turns {
  public:
    // False: `deadline` has come, and it still was somebody else's turn.
    bool take(Deadline deadline) {
        std::unique_lock lock(mutex_);
        const auto over = [this] { return !taken_; };
        if (!deadline) {
            over_.wait(lock, over);
        } else if (!over_.wait_until(lock, *deadline, over)) {
            return false;
        }
        taken_ = true;
        return true;
    }

    void give_back() {
        const std::scoped_lock lock(mutex_);
        taken_ = false;
        over_.notify_one();
    }

  private:
    std::mutex mutex_;  // guards taken_
    std::condition_variable over_;
    bool taken_ = false;
};

// One that was taken, for a scope.
class Turn {
  public:
    explicit Turn(Turns& turns) : turns_(&turns) {}
    ~Turn() { turns_->give_back(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

  private:
    Turns* turns_;
};

}  // namespace aegis::client
