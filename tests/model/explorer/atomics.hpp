// The machine the ring runs on in the explorer: what StdAtomics is in the product.
#pragma once

#include <atomic>
#include <cstdint>

#include "explorer/explorer.hpp"

namespace aegis::model {

struct ModelAtomics {
    template <class T>
    class Atomic {
      public:
        Atomic() : Atomic(T{}) {}
        explicit(false) Atomic(T initial) : location_(Explorer::running().add_location(initial)) {}
        Atomic(const Atomic&) = delete;
        Atomic& operator=(const Atomic&) = delete;

        T load(std::memory_order order) const { return static_cast<T>(perform(Action::kLoad, order).value); }

        void store(T value, std::memory_order order) { perform(Action::kStore, order, value); }

        T exchange(T value, std::memory_order order) {
            if (Explorer::running().splits_exchange()) {
                Explorer::running().count_weakened();
                const T old = load(order);
                store(value, order);
                return old;
            }
            return static_cast<T>(perform(Action::kExchange, order, value).value);
        }

        T fetch_add(T value, std::memory_order order) {
            return static_cast<T>(perform(Action::kFetchAdd, order, value).value);
        }

        bool compare_exchange_strong(T& expected, T desired, std::memory_order success, std::memory_order failure) {
            const Explorer::Outcome outcome =
                Explorer::running().perform({Action::kCompareExchange, success, failure, location_, desired, expected});
            expected = static_cast<T>(outcome.value);
            return outcome.wrote;
        }

        LocationId location() const { return location_; }

      private:
        Explorer::Outcome perform(Action action, std::memory_order order, std::uint64_t operand = 0) const {
            return Explorer::running().perform({action, order, std::memory_order_relaxed, location_, operand, 0});
        }

        // As large as the real one: the ring's layout stays what it is.
        alignas(T) LocationId location_;
    };

    static constexpr bool kVectorCopy = false;
    static constexpr bool kPrefetch = false;  // it costs a look at shared words now and then

    static void fence(std::memory_order order) {
        Explorer::running().perform({Action::kFence, order, std::memory_order_relaxed, 0, 0, 0});
    }

    // Change nothing that another thread can see.
    static void pause() {}
    static void prefetch_to_read(const void*) {}
    static void prefetch_to_write(const void*) {}
};

}  // namespace aegis::model
