// What a policy kept back and has not told yet: limited events by type, merged ones by what they are like. Every count
// is released as an AEGIS_EVENT_SUPPRESSED.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "aegis/policy.h"
#include "nt/nt.hpp"

namespace aegis::driver {

// Counts that are due with one event, at most: the limited ones of its type, those whose place it takes, and some whose
// time is over.
struct DueNotes {
    static constexpr std::size_t kMost = 3;
    std::size_t count = 0;
    AEGIS_SUPPRESSED_PAYLOAD notes[kMost];

    void add(const AEGIS_SUPPRESSED_PAYLOAD& note) { notes[count++] = note; }
};

class Suppressions {
  public:
    // In zeroed memory, before anybody else sees it. Any IRQL.
    void initialize(std::uint64_t generation) {
        generation_ = generation;
        KeInitializeSpinLock(&lock_);
    }

    // IRQL <= DISPATCH_LEVEL, all of these. `kind` tells what is like what; the same for all types.

    void count_limited(std::uint16_t type, std::int64_t now);

    // Moves what was limited of the type to `due`.
    void release_limited(std::uint16_t type, DueNotes* due);

    // Counts an event as merged when one of its kind was published less than `window` ago (100 ns). A clock that is set
    // back ends the window.
    bool merge(std::uint64_t kind, std::int64_t now, std::int64_t window);

    // An event of this kind is about to be published; those like it are merged from now on. What had its place before,
    // and one other whose time is over, moves to `due`.
    void open(std::uint64_t kind, std::uint16_t type, std::uint32_t process_id, std::int64_t now, std::int64_t window,
              DueNotes* due);

    // Takes one count that is left, in no order; false when there is none. When nobody counts any more.
    bool take_any(AEGIS_SUPPRESSED_PAYLOAD* note);

  private:
    static constexpr std::size_t kPlaces = 256;

    struct Place {
        std::uint64_t kind;
        AEGIS_SUPPRESSED_PAYLOAD note;  // LikeTime: when the window began; Count 0: nothing to tell
    };

    // Callers of these hold lock_.
    void count(AEGIS_SUPPRESSED_PAYLOAD* note, std::int64_t now) const;
    static void release(AEGIS_SUPPRESSED_PAYLOAD* note, DueNotes* due);

    KSPIN_LOCK lock_;  // protects all below
    std::uint64_t generation_;
    std::size_t hand_;  // the place to look at next for a count whose time is over
    AEGIS_SUPPRESSED_PAYLOAD limited_[AEGIS_POLICY_TYPES];
    Place places_[kPlaces];
    // A bit for each type with a limited count, so that most events need not take the lock. Relaxed: who misses one
    // leaves it to the next.
    std::atomic<std::uint32_t> any_limited_;
};

}  // namespace aegis::driver
