#include "agent/port/failure.hpp"

#include <string_view>

#include "aegis/client.h"

namespace aegis::agent {
namespace {

ExitCode exit_code_of(std::int32_t result) {
    switch (result) {
        case AEGIS_INTERRUPTED:
            return ExitCode::kFinished;
        case AEGIS_STOPPING:
        case AEGIS_GONE:
            return ExitCode::kDriverGone;
        case AEGIS_NO_ANSWER:
            return ExitCode::kNoAnswer;
        case AEGIS_ERROR_NO_DRIVER:
        case AEGIS_ERROR_ACCESS:
        case AEGIS_ERROR_NOT_AEGIS:
        case AEGIS_ERROR_NOT_A_HOST:
        case AEGIS_ERROR_NOT_LOADED:
            return ExitCode::kNoDriver;
        case AEGIS_ERROR_VERSION:
            return ExitCode::kProtocolMismatch;
        default:
            return ExitCode::kRuntimeFailure;
    }
}

}  // namespace

Failure client_failure(std::int32_t result) {
    std::string text = aegis_last_error();
    switch (result) {
        case AEGIS_NO_ANSWER:
            text += text.ends_with('?') ? " " : "; ";
            text += "--request-timeout allows more time";
            break;
        case AEGIS_ERROR_NOT_AEGIS:
            text = "--device " + text +
                   "; leave --device out for the driver's own name, or install driver and agent from the same release";
            break;
        case AEGIS_ERROR_NOT_A_HOST:
            text += ": name the --socket of a running one, or leave out --device to have one started";
            break;
        default:
            break;
    }
    return {exit_code_of(result), text};
}

}  // namespace aegis::agent
