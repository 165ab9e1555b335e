// Why the agent could not do something.
#pragma once

#include <cstdint>
#include <string>

#include "agent/config/exit_code.hpp"

namespace aegis::agent {

// One sentence that names operation, object, code and remedy.
struct Failure {
    ExitCode exit_code = ExitCode::kRuntimeFailure;
    std::string message;
};

// What a call of libaegis that returned `result`, just now and in this thread, means for the agent: its sentence, with
// the agent's own options where they are the remedy.
Failure client_failure(std::int32_t result);

}  // namespace aegis::agent
