// Two threads, each pinned to its own core, that run the two sides of a measurement at the same time; and what the
// machine took away from them meanwhile.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "support/clock.hpp"

namespace aegis::bench {

// Two different physical cores this process may run on.
struct Cores {
    int first = -1;
    int second = -1;
};

// Picks cores that are not hardware threads of one another where there are such; exits with a message when the
// process may use one core only.
Cores choose_cores();

// Only the calling thread; what it starts afterwards inherits it.
void pin_this_thread(int core);

// One side of a run.
struct CoreUsage {
    Nanoseconds wall = 0;
    Nanoseconds cpu = 0;
    long involuntary_switches = 0;

    // Part of the wall time in which the thread did not run; about 0 for a thread that never sleeps.
    double lost() const { return wall > 0 ? 1.0 - static_cast<double>(cpu) / static_cast<double>(wall) : 0.0; }
};

struct PairUsage {
    CoreUsage first;
    CoreUsage second;
    Nanoseconds stolen = 0;  // what the hypervisor reports to have taken from all cores
};

class CorePair {
  public:
    // Pins the calling thread to the first core for good.
    explicit CorePair(Cores cores);
    ~CorePair();
    CorePair(const CorePair&) = delete;
    CorePair& operator=(const CorePair&) = delete;

    // Runs `first` here and `second` on the other core; both start at the same moment. Returns when both have.
    PairUsage run(const std::function<void()>& first, const std::function<void()>& second);

    Cores cores() const { return cores_; }

  private:
    CoreUsage run_side(const std::function<void()>& side);
    void serve();

    Cores cores_;
    std::atomic<int> ready_ = 0;  // start barrier: acquire/release, so that what the sides share is set up

    std::mutex mutex_;  // protects the members below
    std::condition_variable changed_;
    const std::function<void()>* task_ = nullptr;
    CoreUsage task_usage_;
    bool stopping_ = false;
    std::thread worker_;
};

}  // namespace aegis::bench
