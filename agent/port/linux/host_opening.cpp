#include "agent/port/linux/host_opening.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <string_view>

#include "driver/host/client/client.hpp"

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

// Nobody listens, but somebody may in a moment.
bool may_come(const std::string& path) {
    const Found found = look_at(path);
    return found == Found::kNothing || found == Found::kSocket;
}

}  // namespace

std::optional<Failure> open_at_host(const HostAddress& address, aegis_options options, const Patience& patience,
                                    int interrupt_fd, Log& log, Client& client) {
    const std::string& path = address.path;
    options.device = path.c_str();
    options.flags |= AEGIS_OPTION_INTERRUPT;
    options.interrupt = static_cast<std::uint64_t>(interrupt_fd);
    const std::chrono::nanoseconds wait = patience.at_most(kWaitForHost);
    host::client::CallDeadline deadline({.timeout = wait, .interrupt_fd = interrupt_fd});
    bool said = false;
    while (true) {
        options.open_ms = patience.open_ms();
        aegis_client* opened = nullptr;
        const std::int32_t result = aegis_open(&options, &opened);
        client.reset(opened);
        if (result == AEGIS_OK) {
            return std::nullopt;
        }
        if (result != AEGIS_ERROR_NO_DRIVER) {
            return client_failure(result);
        }
        if (!address.may_still_come || !may_come(path)) {
            return nobody_listens(path);
        }
        if (!said) {
            said = true;
            log.note(fmt::format("no aegismon-host listens at {} yet; waiting up to {:.3g} s for one", path,
                                 std::chrono::duration<double>(wait).count()));
        }
        const NtStatus paused = deadline.pause(kLookAgain);
        if (paused == host::client::kStatusCancelled) {
            return Failure{ExitCode::kFinished, fmt::format("asked to end before aegismon-host at {} answered", path)};
        }
        if (!succeeded(paused)) {
            return nobody_listens(path);
        }
    }
}

}  // namespace aegis::agent
