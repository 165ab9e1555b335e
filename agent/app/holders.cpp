#include "agent/app/holders.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/port/patience.hpp"

namespace aegis::agent {
namespace {

std::optional<Failure> write_all(Port& port, std::string_view text) {
    while (!text.empty()) {
        const WriteResult result = port.write_output(text);
        if (result.status == WriteStatus::kFailed) {
            return Failure{ExitCode::kRuntimeFailure, fmt::format("cannot write to standard output: {}", result.error)};
        }
        if (result.status != WriteStatus::kWritten) {
            break;
        }
        text.remove_prefix(result.bytes);
    }
    return std::nullopt;
}

std::optional<Failure> ask_and_print(Port& port, Log& log, const Options& options, Client& client) {
    const Patience patience{std::chrono::seconds(options.request_seconds)};
    aegis_options asking = {};
    asking.size = sizeof(asking);
    asking.transport = AEGIS_TRANSPORT_NONE;
    asking.request_ms = patience.request_ms();
    if (auto failure = port.open_driver(options.device, asking, patience, log, client)) {
        return failure;
    }
    AEGIS_QUERY_REPLY reply;
    if (const std::int32_t result = aegis_at_open(client.get(), &reply, sizeof(reply)); result != AEGIS_OK) {
        return client_failure(result);
    }
    std::string text;
    // This program's own handle has no row: it has not read.
    std::uint32_t known = 1;
    for (const AEGIS_CONSUMER_INFO& row : reply.Consumers) {
        if (row.Transport != 0) {
            text += fmt::format("{} {}\n", row.ProcessId, row.Transport == AEGIS_TRANSPORT_RING ? "ring" : "pull");
            ++known;
        }
    }
    if (reply.Handles > known) {
        log.note(fmt::format("{} more open handles to the driver belong to processes that have not read from it",
                             reply.Handles - known));
    }
    return write_all(port, text);
}

}  // namespace

ExitCode list_holders(Port& port, Log& log, const Options& options) {
    Client client;
    std::optional<Failure> failure = ask_and_print(port, log, options, client);
    client.reset();
    const std::optional<Failure> at_close = port.close_driver();
    failure = failure ? failure : at_close;
    if (!failure) {
        return ExitCode::kFinished;
    }
    if (failure->exit_code == ExitCode::kFinished) {
        log.note(failure->message);
    } else {
        log.error(failure->message);
    }
    return failure->exit_code;
}

}  // namespace aegis::agent
