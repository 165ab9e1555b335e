// std::atomic that kills its process with SIGKILL at a chosen access: a reader that dies at a known step of a copy.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "aegis/ring/atomics.hpp"

namespace aegis::test {

struct SuicidalAtomics {
    static constexpr bool kVectorCopy = false;
    static constexpr bool kPrefetch = false;  // it costs a look at shared words now and then

    // `accesses` more are made; the one after them is not.
    static void die_after(std::uint64_t accesses) { left() = static_cast<std::int64_t>(accesses); }

    template <class T>
    class Atomic {
      public:
        explicit Atomic(T value) : value_(value) {}

        T load(std::memory_order order) const {
            count();
            return value_.load(order);
        }
        void store(T value, std::memory_order order) {
            count();
            value_.store(value, order);
        }
        T exchange(T value, std::memory_order order) {
            count();
            return value_.exchange(value, order);
        }
        bool compare_exchange_strong(T& expected, T desired, std::memory_order success, std::memory_order failure) {
            count();
            return value_.compare_exchange_strong(expected, desired, success, failure);
        }

      private:
        std::atomic<T> value_;
    };

    static void fence(std::memory_order order) { ring::StdAtomics::fence(order); }
    static void pause() { ring::StdAtomics::pause(); }
    static void prefetch_to_read(const void* /*line*/) {}
    static void prefetch_to_write(const void* /*line*/) {}

  private:
    static constexpr std::int64_t kForever = -1;

    static void count() {
        if (left() == kForever) {
            return;
        }
        if (left() == 0) {
            kill(getpid(), SIGKILL);
            for (;;) {
                ::pause();
            }
        }
        --left();
    }

    static std::int64_t& left() {
        static std::int64_t accesses = kForever;
        return accesses;
    }
};

}  // namespace aegis::test
