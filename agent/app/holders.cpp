#include "agent/app/holders.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/client/channel.hpp"
#include "agent/client/patience.hpp"

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

std::optional<Failure> ask_and_print(Port& port, Log& log, const Options& options, std::unique_ptr<Device>& device) {
    const Patience patience{std::chrono::seconds(options.request_seconds)};
    if (auto failure = port.open_device(options.device, patience, log, device)) {
        return failure;
    }
    AEGIS_QUERY_REPLY reply;
    if (auto failure = query_driver(*device, patience.for_request(), reply)) {
        return failure;
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
    std::unique_ptr<Device> device;
    std::optional<Failure> failure = ask_and_print(port, log, options, device);
    if (device != nullptr) {
        const std::optional<Failure> at_close = device->close();
        failure = failure ? failure : at_close;
    }
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
