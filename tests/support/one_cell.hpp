// Rings in which every event takes one cell: positions are tickets.
#pragma once

#include "aegis/ring/ring_memory.hpp"

namespace aegis::test {

// Where the event of `ticket` begins.
constexpr ring::Beginning at(ring::Ticket ticket) {
    return {ticket, ticket};
}

}  // namespace aegis::test
