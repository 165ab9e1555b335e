// The memory of the modelled program: which writes each load may see under the rules of C++20.
//
// The rules are those of RC11 (Lahav, Vafeiadis, Kang, Hur, Dreyer: "Repairing Sequential Consistency in C/C++11",
// 2017), which C++20 adopted for fences, in the form of views: every location keeps its writes in modification order;
// every thread keeps, per location, the oldest write it may still see; a release hands a view over, an acquire takes
// it. A write may be placed before writes that exist already (hardware: it sat in a store buffer), as long as its
// own thread has not seen those, so all modification orders are reached.
//
// Limits:
//  - No load sees a write that its own thread has yet to cause (load buffering): as in RC11, program order and
//    reads-from form no cycle. Hardware that is weaker there (Arm) still keeps a store behind a load that it depends
//    on, be it through a branch, and behind an acquire; in the ring that covers every store that follows a load.
//  - Sequentially consistent loads, stores and exchanges get only their acquire and release halves. That is weaker
//    than the language, so no failure is overlooked. The ring has none; its sequentially consistent fences are exact.
//  - Consume is not modelled. Non-atomic data are not checked for races: a sanitizer's job.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "explorer/view.hpp"

namespace aegis::model {

using ThreadId = std::uint8_t;

struct Message {
    Timestamp time = 0;
    std::uint64_t value = 0;
    std::uint32_t step = 0;  // the step of the execution that wrote it
    ThreadId thread = 0;     // the writer
    bool claimed = false;    // a read-modify-write has read it and follows at once: nothing fits in between
    View view;               // what an acquiring reader learns
};

class Memory {
  public:
    // Forgets everything; `threads` threads that have seen nothing.
    void reset(std::size_t threads);

    LocationId add_location(std::uint64_t initial);
    std::size_t locations() const { return location_count_; }

    // The writes of a location in modification order. Positions below index this.
    const std::vector<Message>& messages(LocationId location) const { return locations_[location]; }

    // The first position that a load of `thread` may see; all later ones are allowed as well.
    std::size_t first_visible(ThreadId thread, LocationId location) const;

    // The new write may stand right after `position` (which is at least first_visible).
    bool can_write_after(LocationId location, std::size_t position) const {
        return !locations_[location][position].claimed;
    }

    std::uint64_t load(ThreadId thread, LocationId location, std::size_t position, std::memory_order order);
    void store(ThreadId thread, LocationId location, std::size_t position, std::uint64_t value, std::memory_order order,
               std::uint32_t step);
    // Reads `position` and writes `value` right behind it.
    void exchange(ThreadId thread, LocationId location, std::size_t position, std::uint64_t value,
                  std::memory_order order, std::uint32_t step);
    void fence(ThreadId thread, std::memory_order order);

    // For synchronisation objects outside the memory model: what the thread knows, and teaching it more.
    const View& knowledge(ThreadId thread) const { return threads_[thread].current; }
    void learn(ThreadId thread, const View& view);

  private:
    struct Knowledge {
        View current;   // binds the thread's loads and stores now
        View acquired;  // becomes current at the next acquire fence
        View released;  // what relaxed stores hand over: current at the last release fence
    };

    Message& insert_after(LocationId location, std::size_t position);

    std::vector<std::vector<Message>> locations_;  // kept between executions for their capacity
    std::size_t location_count_ = 0;
    std::vector<Knowledge> threads_;
    View fenced_;  // what every sequentially consistent fence so far has known
};

}  // namespace aegis::model
