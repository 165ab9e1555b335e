// A writer that replaces what is in force, and readers that decide by it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "explorer/atomics.hpp"
#include "explorer/sync.hpp"
#include "policy/snapshot.hpp"

namespace aegis::model {

inline constexpr const char* kUsersName = "users";

// Run-down protection as weak as nt/rundown.hpp may be: it orders what that says, and nothing else.
class ModelRundown {
  public:
    ModelRundown() { Explorer::running().name(users_.location(), {kUsersName}); }

    void create() { users_.store(kClosed, std::memory_order_relaxed); }

    void open() { users_.exchange(0, std::memory_order_release); }

    bool enter() {
        std::uint64_t users = 0;
        while (!users_.compare_exchange_strong(users, users + kUser, std::memory_order_acquire,
                                               std::memory_order_acquire)) {
            if ((users & kClosed) != 0) {
                return false;
            }
        }
        return true;
    }

    void leave() {
        if (users_.fetch_add(-kUser, std::memory_order_release) == (kUser | kClosed)) {
            left_.signal();
        }
    }

    void close() {
        users_.fetch_add(kClosed, std::memory_order_release);
        // An addition of nothing sees the newest value.
        while (users_.fetch_add(0, std::memory_order_acquire) != kClosed) {
            left_.wait(false);
        }
    }

  private:
    static constexpr std::uint64_t kClosed = 1;
    static constexpr std::uint64_t kUser = 2;

    ModelAtomics::Atomic<std::uint64_t> users_{kClosed};
    Event left_{false};
};

inline constexpr const char* kInForceName = "in force";

// The number of the slot in force.
template <class T>
class ModelNumber : public ModelAtomics::Atomic<T> {
  public:
    explicit(false) ModelNumber(T initial) : ModelAtomics::Atomic<T>(initial) {
        Explorer::running().name(this->location(), {kInForceName});
    }
};

struct ModelMachine {
    template <class T>
    using Atomic = ModelNumber<T>;
    using Rundown = ModelRundown;
};

struct Looks {
    std::uint32_t last = 0;
    std::uint32_t answer = 0;
    bool answers = false;
};

// The same machine with a reader that does not look whether the slot it has entered is in force still: the look gives
// it what it has seen before.
struct ForgetfulMachine {
    static inline Looks looks;

    template <class T>
    class Atomic : public ModelNumber<T> {
      public:
        using ModelNumber<T>::ModelNumber;

        T load(std::memory_order order) const {
            if (looks.answers) {
                looks.answers = false;
                return looks.answer;
            }
            looks.last = ModelNumber<T>::load(order);
            return looks.last;
        }
    };

    class Rundown : public ModelRundown {
      public:
        bool enter() {
            // Other threads look as well before this one is in.
            const std::uint32_t looked = looks.last;
            if (!ModelRundown::enter()) {
                return false;
            }
            looks.answer = looked;
            looks.answers = true;
            return true;
        }
    };
};

struct SnapshotShape {
    ThreadId readers = 1;
    unsigned replacements = 1;
    bool ends = false;  // after them nothing is in force
    unsigned decisions = 1;
    bool by_tag = false;  // every second decision is taken by the tag alone
};

template <class Machine>
class SnapshotProgram : public Program {
  public:
    explicit SnapshotProgram(const SnapshotShape& shape) : shape_(shape) {
        ForgetfulMachine::looks = {};
        snapshot_.create();
        put_in_force(0);
    }

    void run(ThreadId thread) override {
        if (thread == 0) {
            write();
        } else {
            read();
        }
    }

    // What is freed has been seen to its last count.
    void finish() override {
        for (unsigned i = 0; i < shape_.replacements + (shape_.ends ? 1 : 0); ++i) {
            check(objects_[i].decisions.load(std::memory_order_relaxed) == objects_[i].collected,
                  "a decision was counted in an object that is gone");
        }
    }

  private:
    static constexpr unsigned kMost = 4;
    static constexpr std::uint64_t kUnborn = 0;
    static constexpr std::uint64_t kFreed = ~std::uint64_t{0};

    struct Object {
        ModelAtomics::Atomic<std::uint64_t> generation{kUnborn};
        ModelAtomics::Atomic<std::uint64_t> decisions{0};
        std::uint64_t collected = 0;  // by the writer, before it frees the object
    };

    void put_in_force(unsigned index) {
        objects_[index].generation.store(index + 1, std::memory_order_relaxed);
        // Policies may have the same tag: what tells them apart is not to help the others.
        collect(snapshot_.exchange(&objects_[index], shape_.by_tag ? index + 1 : 0));
        // The reply to whoever asked for it.
        replied_.store(index + 1, std::memory_order_release);
    }

    static void collect(Object* object) {
        if (object != nullptr) {
            object->collected = object->decisions.load(std::memory_order_relaxed);
            object->generation.store(kFreed, std::memory_order_relaxed);
        }
    }

    void write() {
        for (unsigned i = 1; i <= shape_.replacements; ++i) {
            put_in_force(i);
        }
        if (shape_.ends) {
            collect(snapshot_.exchange(nullptr));
            replied_.store(shape_.replacements + 2, std::memory_order_release);
        }
    }

    void read() {
        std::uint64_t before = 0;
        for (unsigned i = 0; i < shape_.decisions; ++i) {
            const std::uint64_t replied = replied_.load(std::memory_order_acquire);
            const std::uint64_t generation = shape_.by_tag && i % 2 != 0 ? decide_by_tag() : decide();
            Explorer::running().note("decided by", generation);
            check(generation >= replied, "an object decided that had been replaced before");
            check(generation >= before, "an object decided before it was in force");
            before = generation;
        }
    }

    std::uint64_t decide() {
        auto* const slot = snapshot_.acquire();
        if (slot == nullptr) {
            return shape_.replacements + 2;
        }
        Object& object = *slot->object();
        const std::uint64_t generation = object.generation.load(std::memory_order_relaxed);
        check(generation != kUnborn, "an object was seen unfinished");
        check(generation != kFreed, "an object was used after it was freed");
        object.decisions.fetch_add(1, std::memory_order_relaxed);
        snapshot_.release(slot);
        return generation;
    }

    std::uint64_t decide_by_tag() {
        const std::uint32_t tag = snapshot_.tag();
        return tag == 0 ? shape_.replacements + 2 : tag;
    }

    static void check(bool condition, const char* message) { Explorer::running().check(condition, message); }

    SnapshotShape shape_;
    std::array<Object, kMost> objects_;
    driver::Snapshot<Object, Machine> snapshot_;
    ModelAtomics::Atomic<std::uint64_t> replied_{0};
};

template <class Machine = ModelMachine>
Result explore_snapshot(const SnapshotShape& shape, Options options = {}) {
    options.threads = {"writer"};
    for (ThreadId i = 0; i < shape.readers; ++i) {
        options.threads.push_back("reader " + std::to_string(i + 1));
    }
    return Explorer::explore(options, [&] { return std::make_unique<SnapshotProgram<Machine>>(shape); });
}

}  // namespace aegis::model
