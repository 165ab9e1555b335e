// Ring and pull against the real driver: AegisMonTest.sys, which publishes on request.
#pragma once

namespace aegis::bench {

// Adds the benchmarks of the driver that is loaded. Without one, or where it cannot map the ring, says on stderr what
// is left out, and why.
void add_driver_benchmarks();

}  // namespace aegis::bench
