// The words of a ring over any atomic type, in ordinary memory: any cell size, no header.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "aegis/ring/ring_memory.hpp"

namespace aegis::test {

template <class Atomics = ring::StdAtomics>
class PrivateRing {
  public:
    using Word = typename ring::RingMemory<Atomics>::Word;
    using StateWord = typename ring::RingMemory<Atomics>::StateWord;

    // A cell is its version, a ticket and `event_words` words of event, an even number.
    PrivateRing(std::uint64_t cell_count, std::size_t event_words)
        : cell_words_(event_words + kHeaderWords),
          cell_count_(cell_count),
          cells_(new Word[cell_count * cell_words_]()) {}

    ring::RingMemory<Atomics> memory() {
        const std::size_t event_bytes = cell_count_ * event_words() * sizeof(std::uint64_t);
        return ring::RingMemory<Atomics>({&published, &newest, lost_before, &wakeups_sent, &state}, cells_.get(),
                                         {cell_count_, cell_words_ * sizeof(std::uint64_t),
                                          std::min<std::size_t>(event_bytes, AEGIS_RING_EVENT_BYTES)});
    }

    Word* version(std::size_t cell) { return &cells_[cell * cell_words_]; }
    Word* ticket(std::size_t cell) { return version(cell) + 1; }
    Word* event(std::size_t cell) { return version(cell) + kHeaderWords; }
    std::uint64_t cell_count() const { return cell_count_; }
    std::size_t event_words() const { return cell_words_ - kHeaderWords; }

    Word published{0};
    Word newest{0};
    Word lost_before[AEGIS_LOST_REASONS] = {};
    Word wakeups_sent{0};
    StateWord state{0};

  private:
    static constexpr std::size_t kHeaderWords = AEGIS_CELL_HEADER_BYTES / sizeof(std::uint64_t);

    std::size_t cell_words_;
    std::uint64_t cell_count_;
    std::unique_ptr<Word[]> cells_;
};

}  // namespace aegis::test
