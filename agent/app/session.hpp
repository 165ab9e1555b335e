// One run of the agent, from opening the driver to the summary.
#pragma once

#include "agent/app/log.hpp"
#include "agent/config/exit_code.hpp"
#include "agent/config/options.hpp"
#include "agent/port/port.hpp"

namespace aegis::agent {

// Blocks until the run ends for one of the reasons in EndCause. Everything that goes wrong is said on `log`.
ExitCode run_session(Port& port, Log& log, const Options& options);

}  // namespace aegis::agent
