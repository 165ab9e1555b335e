// Where events come from, as the session sees it: by ring or by pull.
#pragma once

#include <cstddef>
#include <cstdint>

#include "aegis/ring/ring_memory.hpp"
#include "agent/app/log.hpp"

namespace aegis::agent {

// For a stream that wants what is kept: what it does not get because it came too late is no loss of its own, but said.
void say_where_it_starts(Log& log, ring::Ticket start);

class EventStream {
  public:
    virtual ~EventStream() = default;

    // The body of worker `worker`'s thread: reads and prints until RunControl says enough or nothing can follow.
    virtual void run(std::size_t worker) = 0;

    // Events published by now: where a reader that is asked to finish may stop. Any thread.
    virtual ring::Ticket published() = 0;

    // Events that wait to be read, as far as known. Any thread.
    virtual std::uint64_t lag() const = 0;

    // Wakes workers that rest; RunControl::end wakes the others. Any thread.
    virtual void dismiss() = 0;
};

}  // namespace aegis::agent
