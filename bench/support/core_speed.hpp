// How fast the cores run right now.
//
// Processors change their clock, and a host may move a virtual core to a slower one. A sample counts only when both
// cores were as fast after it as before, and a ratio is made of samples that ran at one speed.
#pragma once

#include "support/core_pair.hpp"

namespace aegis::bench {

// Nanoseconds of one step in a chain of dependent multiplications, of the slower core: memory and the other core have
// no part in it. Takes less than a millisecond.
double core_step_ns(CorePair& cores);

}  // namespace aegis::bench
