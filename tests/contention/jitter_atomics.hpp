// std::atomic with random stalls before each access: preemption where no scheduler would put it.
#pragma once

#include <sched.h>
#include <time.h>

#include <atomic>
#include <cstdint>

#include "aegis/ring/atomics.hpp"
#include "support/random.hpp"

namespace aegis::test {

// The stalls of the calling thread.
class Jitter {
  public:
    static void seed(std::uint64_t value) { random() = Random(value); }

    // Mostly nothing; sometimes the few cycles between two stores, now and then a lost time slice.
    static void maybe_stall() {
        const std::uint64_t dice = random().next();
        if (dice % 64 != 0) {
            return;
        }
        if (dice % (std::uint64_t{64} * 1024) == 0) {
            const timespec nap = {0, static_cast<long>((dice >> 40U) % 30000)};
            nanosleep(&nap, nullptr);
        } else if (dice % (std::uint64_t{64} * 128) == 0) {
            sched_yield();
        } else {
            for (std::uint64_t i = (dice >> 40U) % 200; i > 0; --i) {
                ring::StdAtomics::pause();
            }
        }
    }

  private:
    static Random& random() {
        static thread_local Random instance(1);
        return instance;
    }
};

struct JitterAtomics {
    static constexpr bool kVectorCopy = false;
    static constexpr bool kPrefetch = true;

    template <class T>
    class Atomic {
      public:
        Atomic() = default;
        explicit Atomic(T value) : value_(value) {}

        T load(std::memory_order order) const {
            Jitter::maybe_stall();
            return value_.load(order);
        }
        void store(T value, std::memory_order order) {
            Jitter::maybe_stall();
            value_.store(value, order);
        }
        T exchange(T value, std::memory_order order) {
            Jitter::maybe_stall();
            return value_.exchange(value, order);
        }
        bool compare_exchange_strong(T& expected, T desired, std::memory_order success, std::memory_order failure) {
            Jitter::maybe_stall();
            return value_.compare_exchange_strong(expected, desired, success, failure);
        }

      private:
        std::atomic<T> value_{0};
    };

    static void fence(std::memory_order order) { ring::StdAtomics::fence(order); }
    static void pause() { ring::StdAtomics::pause(); }
    static void prefetch_to_read(const void* /*line*/) {}
    static void prefetch_to_write(const void* /*line*/) {}
};

}  // namespace aegis::test
