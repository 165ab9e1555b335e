// --holders: who keeps the driver from being unloaded.
#pragma once

#include "agent/app/log.hpp"
#include "agent/config/exit_code.hpp"
#include "agent/config/options.hpp"
#include "agent/port/port.hpp"

namespace aegis::agent {

// Prints the processes that read from the driver, one a line, this one excepted: the process id, a blank, "ring" or
// "pull". What goes wrong is said on `log`, and so is how many handles belong to processes that never read.
ExitCode list_holders(Port& port, Log& log, const Options& options);

}  // namespace aegis::agent
