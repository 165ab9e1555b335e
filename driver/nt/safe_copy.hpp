// Memory that may be another's: a process's, which can take it away at any time, or whatever a caller names.
#pragma once

#include <cstddef>

#include "nt/nt.hpp"

namespace aegis::driver {

// Looks up what copies. Before the first sensor starts. IRQL PASSIVE_LEVEL.
void find_safe_copy();

// Copies up to `bytes` from an address of the system's or the current process's, which may be none, to nonpaged memory
// (a kernel stack is). Returns how many there were. NT makes what is paged out resident. IRQL <= APC_LEVEL.
std::size_t copy_safely(const void* from, std::size_t bytes, void* to);

}  // namespace aegis::driver
