// An atomic type for single-threaded tests that calls a hook before each access.
//
// With it a test lets another party act between any two accesses of an operation, stops an operation half way, or
// writes down which accesses it makes, in which order, with which memory order.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

namespace aegis::test {

enum class Op : std::uint8_t { kLoad, kStore, kExchange, kCompareExchange, kFence, kPause };

struct Access {
    Op op;
    const void* word;     // null for a fence or a pause
    std::uint64_t value;  // what a store or an exchange brings
    std::memory_order order;
    std::memory_order failure_order;  // of a compare-exchange
};

// While it lives, `hook` is called before each access, except for those that the hook itself causes. A nested
// AccessHook replaces the outer one for its life.
class AccessHook {
  public:
    using Hook = std::function<void(const Access&)>;

    explicit AccessHook(Hook hook) : hook_(std::move(hook)), outer_(std::exchange(current(), this)) {}
    ~AccessHook() { current() = outer_; }
    AccessHook(const AccessHook&) = delete;
    AccessHook& operator=(const AccessHook&) = delete;

    static void before(const Access& access) {
        AccessHook* hook = current();
        if (hook == nullptr) {
            return;
        }
        const Quiet quiet;
        hook->hook_(access);
    }

  private:
    // Keeps the hook's own accesses from calling it again; restores it also when the hook throws.
    class Quiet {
      public:
        Quiet() : hook_(std::exchange(current(), nullptr)) {}
        ~Quiet() { current() = hook_; }
        Quiet(const Quiet&) = delete;
        Quiet& operator=(const Quiet&) = delete;

      private:
        AccessHook* hook_;
    };

    static AccessHook*& current() {
        static AccessHook* hook = nullptr;
        return hook;
    }

    Hook hook_;
    AccessHook* outer_;
};

struct HookedAtomics {
    static constexpr bool kVectorCopy = false;
    static constexpr bool kPrefetch = false;  // it costs a look at shared words now and then

    template <class T>
    class Atomic {
      public:
        Atomic() = default;
        explicit Atomic(T value) : value_(value) {}

        T load(std::memory_order order) const {
            AccessHook::before({Op::kLoad, this, 0, order, order});
            return value_;
        }

        void store(T value, std::memory_order order) {
            AccessHook::before({Op::kStore, this, value, order, order});
            value_ = value;
        }

        T exchange(T value, std::memory_order order) {
            AccessHook::before({Op::kExchange, this, value, order, order});
            return std::exchange(value_, value);
        }

        bool compare_exchange_strong(T& expected, T desired, std::memory_order success, std::memory_order failure) {
            AccessHook::before({Op::kCompareExchange, this, desired, success, failure});
            if (value_ != expected) {
                expected = value_;
                return false;
            }
            value_ = desired;
            return true;
        }

        // For the test itself: no hook.
        T raw() const { return value_; }
        void set_raw(T value) { value_ = value; }

      private:
        T value_ = 0;
    };

    static void fence(std::memory_order order) { AccessHook::before({Op::kFence, nullptr, 0, order, order}); }
    static void pause() {
        AccessHook::before({Op::kPause, nullptr, 0, std::memory_order_relaxed, std::memory_order_relaxed});
    }

    // Hints touch no shared word.
    static void prefetch_to_read(const void* /*line*/) {}
    static void prefetch_to_write(const void* /*line*/) {}
};

}  // namespace aegis::test
