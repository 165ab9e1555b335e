// A consumer's hints about the lines of cells that it will come to, on the guess that events are of one size.
//
// Only as far as events are published: a hint about a cell that the producer is about to write takes from it the lines
// that it has just asked for itself (Producer::kPrefetchCells). Its stores hide that for a while; the fence of a
// registered doorbell waits for them, and such hints cost half of the throughput at 48 bytes. How far that is a
// consumer learns from the producer's count, whose line it takes from the producer by looking: once in a while.
#pragma once

#include <algorithm>
#include <cstddef>

#include "aegis/ring/ring_memory.hpp"

namespace aegis::ring::detail {

template <class Atomics>
class ReadAhead {
  public:
    // Cells between what is read and what is asked for.
    static constexpr std::size_t kCells = 16;
    // Cells between two looks at how far events are published.
    static constexpr Position kCellsPerLook = 256;

    // After an event of so many bytes was read: `next` is what follows it.
    [[gnu::always_inline]] void ask(const RingMemory<Atomics>& memory, Place next, std::size_t event_bytes) {
        if constexpr (Atomics::kPrefetch) {
            if (next.position < end_) {
                memory.prefetch_to_read(next, kCells, event_bytes);
            } else if (next.position >= look_at_) {
                look(memory, next.position);
            }
        }
    }

  private:
    // The position is a hint of a hint: whatever the shared word holds, a wrong line is asked for at worst.
    [[gnu::noinline]] void look(const RingMemory<Atomics>& memory, Position position) {
        const Position newest = memory.load_newest();
        end_ = newest > kCells ? newest - kCells : 0;
        look_at_ = std::max(position, end_) + kCellsPerLook;
    }

    Position end_ = 0;
    Position look_at_ = 0;
};

}  // namespace aegis::ring::detail
