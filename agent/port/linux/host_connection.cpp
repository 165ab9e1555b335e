#include "agent/port/linux/host_connection.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <string_view>

#include "agent/port/linux/nt_status_text.hpp"

namespace aegis::agent {
namespace {

using host::client::NtStatus;
using host::client::succeeded;

// A host needs some tenths of a second from its start until it listens.
constexpr std::chrono::seconds kWaitForHost{5};
constexpr std::chrono::milliseconds kLookAgain{20};

// What is at the path where a host's socket was expected.
enum class Found {
    kNothing,
    kNoFolder,  // where a host could put its socket
    kSocket,
    kOther,
};

Found look_at(const std::string& path) {
    struct stat found = {};
    if (stat(path.c_str(), &found) == 0) {
        return S_ISSOCK(found.st_mode) ? Found::kSocket : Found::kOther;
    }
    // A host makes the folder of its default socket.
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    const bool made_by_host = path == host::client::default_socket_path();
    const bool there = folder.empty() || (stat(folder.c_str(), &found) == 0 && S_ISDIR(found.st_mode));
    return there || made_by_host ? Found::kNothing : Found::kNoFolder;
}

Failure nobody_listens(const std::string& path) {
    switch (look_at(path)) {
        case Found::kOther:
            return {ExitCode::kNoDriver,
                    fmt::format("{} is no socket, so no AegisMon can be there: name the --socket of a running "
                                "aegismon-host, or leave out --device to have one started",
                                path)};
        case Found::kNoFolder:
            return {
                ExitCode::kNoDriver,
                fmt::format("{} cannot be: its folder does not exist; name the --socket of a running aegismon-host, "
                            "or leave out --device to have one started",
                            path)};
        case Found::kNothing:
        case Found::kSocket:
            break;
    }
    return {ExitCode::kNoDriver, fmt::format("no aegismon-host listens at {}: start one, or leave out --device to have "
                                             "one started",
                                             path)};
}

Failure connect_failure(const std::string& path, NtStatus status) {
    ExitCode code = ExitCode::kRuntimeFailure;
    std::string_view remedy = "see the host's own messages";
    switch (status) {
        case host::client::kStatusObjectNameNotFound:
            return nobody_listens(path);
        case host::client::kStatusObjectTypeMismatch:
        case host::client::kStatusUnexpectedNetworkError:
        case host::client::kStatusDeviceRemoved:
            return {ExitCode::kNoDriver,
                    fmt::format("what listens at {} does not answer like an aegismon-host: name the --socket of a "
                                "running one, or leave out --device to have one started",
                                path)};
        case host::client::kStatusAccessDenied:
            code = ExitCode::kNoDriver;
            remedy = "run the agent as root or as the user who runs aegismon-host";
            break;
        case host::client::kStatusRevisionMismatch:
            code = ExitCode::kProtocolMismatch;
            remedy = "install host and agent from the same release";
            break;
        case host::client::kStatusTooManySessions:
            remedy = "it serves as many clients as it will; end one of them";
            break;
        case host::client::kStatusCancelled:
            return {ExitCode::kFinished, fmt::format("asked to end before aegismon-host at {} answered", path)};
        case host::client::kStatusIoTimeout:
            code = ExitCode::kNoAnswer;
            remedy = no_answer_advice();
            break;
        default:
            break;
    }
    return {code, fmt::format("cannot connect to aegismon-host at {}: {}: {}", path,
                              describe_status(static_cast<std::uint32_t>(status)), remedy)};
}

// Nobody listens, but somebody may in a moment.
bool may_come(const std::string& path) {
    const Found found = look_at(path);
    return found == Found::kNothing || found == Found::kSocket;
}

}  // namespace

std::optional<Failure> connect_to_host(const HostAddress& address, const Patience& patience, int interrupt_fd, Log& log,
                                       std::unique_ptr<host::client::Connection>& connection) {
    const std::string& path = address.path;
    const std::chrono::nanoseconds wait = patience.at_most(kWaitForHost);
    host::client::CallDeadline deadline({.timeout = wait, .interrupt_fd = interrupt_fd});
    bool said = false;
    while (true) {
        NtStatus status = host::client::Connection::connect(
            path, connection, {.timeout = patience.for_request(), .interrupt_fd = interrupt_fd});
        if (succeeded(status)) {
            return std::nullopt;
        }
        if (!address.may_still_come || status != host::client::kStatusObjectNameNotFound || !may_come(path)) {
            return connect_failure(path, status);
        }
        if (!said) {
            said = true;
            log.note(fmt::format("no aegismon-host listens at {} yet; waiting up to {:.3g} s for one", path,
                                 std::chrono::duration<double>(wait).count()));
        }
        const NtStatus paused = deadline.pause(kLookAgain);
        if (!succeeded(paused)) {
            status = paused == host::client::kStatusCancelled ? paused : status;
            return connect_failure(path, status);
        }
    }
}

}  // namespace aegis::agent
