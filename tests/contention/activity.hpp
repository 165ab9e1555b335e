// Waiting for something that another thread or process does, without polling: the waiter sleeps in the kernel, so it
// gets its processor back at once even on a machine that is busy with other things.
//
// May lie in memory shared between processes.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>
#include <thread>

#include "aegis/ring/atomics.hpp"

namespace aegis::test {

class Activity {
  public:
    // Says that a condition somebody may wait for has changed. Sequentially consistent, like all of this class: the
    // waiter is counted before it looks again, the change is made before the waiters are counted.
    void announce() {
        changes_.fetch_add(1);
        if (waiters_.load() != 0) {
            futex(FUTEX_WAKE, INT_MAX);
        }
    }

    // Returns once `condition` holds. It is asked after every announce().
    template <class Condition>
    void wait_until(Condition&& condition) {
        for (;;) {
            const std::uint32_t seen = changes_.load();
            if (condition()) {
                return;
            }
            wait_beyond(seen);
        }
    }

  private:
    void wait_beyond(std::uint32_t seen) {
        for (int i = 0; i < spins_before_sleep(); ++i) {
            if (changes_.load() != seen) {
                return;
            }
            ring::StdAtomics::pause();
        }
        waiters_.fetch_add(1);
        while (changes_.load() == seen) {
            futex(FUTEX_WAIT, seen);
        }
        waiters_.fetch_sub(1);
    }

    // With one processor the other side runs only while this one does not.
    static int spins_before_sleep() {
        static const int spins = std::thread::hardware_concurrency() == 1 ? 0 : 500;
        return spins;
    }

    void futex(int operation, std::uint32_t value) {
        static_assert(sizeof(changes_) == sizeof(std::uint32_t));
        syscall(SYS_futex, &changes_, operation, value, nullptr, nullptr, 0);
    }

    std::atomic<std::uint32_t> changes_{0};
    std::atomic<std::uint32_t> waiters_{0};
};

}  // namespace aegis::test
