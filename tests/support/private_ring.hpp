// The words of a ring over any atomic type, in ordinary memory: any slot size, no header.
#pragma once

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

    // A slot is its version and `event_words` words of event.
    PrivateRing(std::uint64_t slot_count, std::size_t event_words)
        : slot_words_(event_words + 1), slot_count_(slot_count), slots_(new Word[slot_count * slot_words_]()) {}

    ring::RingMemory<Atomics> memory() {
        return ring::RingMemory<Atomics>(&published, lost_before, &wakeups_sent, &state, slots_.get(), slot_count_,
                                         slot_words_);
    }

    Word* version(std::size_t slot) { return &slots_[slot * slot_words_]; }
    Word* event(std::size_t slot) { return version(slot) + 1; }
    std::uint64_t slot_count() const { return slot_count_; }
    std::size_t event_words() const { return slot_words_ - 1; }

    Word published{0};
    Word lost_before[AEGIS_LOST_REASONS] = {};
    Word wakeups_sent{0};
    StateWord state{0};

  private:
    std::size_t slot_words_;
    std::uint64_t slot_count_;
    std::unique_ptr<Word[]> slots_;
};

}  // namespace aegis::test
