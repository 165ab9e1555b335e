// Turns decoded events into lines.
#pragma once

#include <cstdint>

#include "agent/decode.hpp"
#include "agent/lines.hpp"

namespace aegis::agent {

// A run of events that were overwritten before they were read. 64-bit sequences, both ends included.
struct LostEvents {
    std::uint64_t first = 0;
    std::uint64_t last = 0;

    std::uint64_t count() const { return last - first + 1; }
};

// Each call appends exactly one line, ended by a newline, in valid UTF-8. Not thread-safe: one per worker.
class Formatter {
  public:
    virtual ~Formatter() = default;

    // `sequence` is the event's ticket + 1.
    virtual void append_event(const Event& event, std::uint64_t sequence, Lines& lines) = 0;

    // `filetime` is when the loss was noticed.
    virtual void append_loss(const LostEvents& lost, std::int64_t filetime, Lines& lines) = 0;
};

}  // namespace aegis::agent
