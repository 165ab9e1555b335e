#include "agent/client/event_stream.hpp"

#include <fmt/format.h>

namespace aegis::agent {

void say_where_it_starts(Log& log, ring::Ticket start) {
    if (start != 0) {
        log.note(fmt::format("starts with event #{}: those before it were overwritten, or are about to be", start + 1));
    }
}

}  // namespace aegis::agent
