// One function per topic. Each records its samples in the session.
#pragma once

#include "support/sampling.hpp"

namespace aegis::bench {

// Delivered intact messages per second, every contender, several sizes; and each core's part alone: the copies.
void run_throughput(Session& session);

// The ring beside the fastest ones there are, which leave out most of what it does; between two cores and on one.
void run_rings(Session& session);

// The ring read through the C interface of libaegis, beside its headers.
void run_library(Session& session);

// The ring with cells of several sizes, in the same memory.
void run_cell_sizes(Session& session);

// What of a registered doorbell costs throughput.
void run_doorbell_cost(Session& session);

// How many events of a recorded process workload the default ring keeps.
void run_kept_events(Session& session);

// What one publish costs with consumers attached that sleep or read: the ring's headers alone, and the driver.
void run_publish_cost(Session& session);

// Several producers in the driver's publish path.
void run_contention(Session& session);

// One event from core to core and back, nobody pausing, against a bare cache line.
void run_one_way(Session& session);

// From the planned moment of an event to its reader, at fixed rates, by spinning, doorbell and pull; and what the
// reader's system calls and CPU time are.
void run_latency(Session& session);

// Goodput as the offered rate passes what a consumer can take.
void run_overload(Session& session);

// The driver under a flood: by doorbell and by its own pull IOCTL, and the Part 2 pull beside it, at several polls.
void run_flood(Session& session);

// The agent's whole way from the ring to NDJSON, against reading alone.
void run_agent(Session& session);

// Events of every type from two cores at fixed rates, through the driver and the agent: loss, latency and CPU time, by
// the ring, by the driver's own pull and by the Part 2 pull.
void run_mixed(Session& session);

}  // namespace aegis::bench
