// Which NT paths the drive letters and other DOS names of this machine stand for.
#pragma once

#include <vector>

#include "agent/port/dos_paths.hpp"

namespace aegis::agent {

// The system's present answer, the most specific prefix first.
std::vector<DosPrefix> query_dos_prefixes();

}  // namespace aegis::agent
