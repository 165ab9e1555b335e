// How the agent ends, as the shell sees it.
#pragma once

namespace aegis::agent {

enum class ExitCode : int {
    kFinished = 0,
    kRuntimeFailure = 1,    // an output could not be written, an IOCTL failed
    kUsage = 2,             // the command line makes no sense
    kNoDriver = 3,          // driver absent, or access denied
    kProtocolMismatch = 4,  // driver and agent do not speak the same version
    kLost = 5,              // --fail-on-loss, and something was lost
    kDriverGone = 6,        // the driver went away while the agent was reading, or found itself broken
    kNoAnswer = 7,          // the driver is there, and did not answer a request in time
};

}  // namespace aegis::agent
