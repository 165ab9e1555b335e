// What a modelled thread is about to do.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "explorer/memory.hpp"

namespace aegis::model {

enum class Action : std::uint8_t {
    kStart,
    kLoad,
    kStore,
    kExchange,
    kFetchAdd,
    kCompareExchange,
    kFence,
    kSignal,
    kWait,
    kLock,
    kUnlock,
};

constexpr bool is_on_memory(Action action) {
    return action >= Action::kLoad && action <= Action::kCompareExchange;
}

struct Operation {
    Action action = Action::kStart;
    std::memory_order order = std::memory_order_relaxed;
    std::memory_order failure = std::memory_order_relaxed;  // of a compare-exchange that finds another value
    std::uint16_t object = 0;                               // location, event or mutex
    std::uint64_t operand = 0;                              // value to write; kWait: 1 if it may end by itself
    std::uint64_t expected = 0;
};

// One way an operation can go. For loads and read-modify-writes the position of the write that is read, for stores
// that of the write it follows; for a wait kTakeSignal or kEndEarly.
using Option = std::uint16_t;
inline constexpr Option kTakeSignal = 0;
inline constexpr Option kEndEarly = 1;

// A step of the execution, as numbered in the printed trace.
using Step = std::uint32_t;

inline constexpr ThreadId kAnyThread = std::numeric_limits<ThreadId>::max();

// Runs the program with one kind of operation weakened, to show that its order is needed.
struct Weakening {
    enum class Kind : std::uint8_t { kNone, kOrder, kSplitExchange };

    Kind kind = Kind::kNone;
    Action action = Action::kFence;                      // kOrder: the operations of this action
    std::memory_order from = std::memory_order_relaxed;  // … and this order
    std::memory_order to = std::memory_order_relaxed;    // get this one; a relaxed fence is none
    ThreadId thread = kAnyThread;                        // … when done by this thread
    const char* location = nullptr;                      // … on locations of this name; null: any
};

}  // namespace aegis::model
