// Turns decoded events into lines.
#pragma once

#include <cstdint>

#include "agent/events/decode.hpp"
#include "agent/events/lines.hpp"
#include "agent/events/loss.hpp"

namespace aegis::agent {

// Each call appends exactly one line, ended by a newline, in valid UTF-8. Not thread-safe: one per worker.
class Formatter {
  public:
    virtual ~Formatter() = default;

    // `sequence` is the event's ticket + 1.
    virtual void append_event(const Event& event, std::uint64_t sequence, Lines& lines) = 0;

    // `filetime`: since when events are missing, as far as known.
    virtual void append_loss(const LostEvents& lost, std::int64_t filetime, Lines& lines) = 0;
};

}  // namespace aegis::agent
