// What the numbers were measured on and with.
#pragma once

#include "support/core_pair.hpp"
#include "support/results.hpp"

namespace aegis::bench {

void describe_machine(Cores cores, Results* results);

}  // namespace aegis::bench
