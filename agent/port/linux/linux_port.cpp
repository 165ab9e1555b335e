#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/un.h>
#include <unistd.h>
#include <utf8.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <ctime>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "agent/events/sid.hpp"
#include "agent/port/linux/embedded_host.hpp"
#include "agent/port/linux/host_opening.hpp"
#include "agent/port/linux/interrupt_event.hpp"
#include "agent/port/linux/stdout_writer.hpp"
#include "agent/port/port.hpp"

namespace aegis::agent {
namespace {

// A descriptor the agent opens must not become its stdout: with fd 1 closed by the caller, an eventfd would. Opened so
// that using it fails as it would have without.
struct StandardDescriptors {
    StandardDescriptors() {
        const std::array modes = {O_WRONLY, O_RDONLY, O_WRONLY};
        for (std::size_t fd = 0; fd < modes.size(); ++fd) {
            if (fcntl(static_cast<int>(fd), F_GETFD) < 0) {
                static_cast<void>(open("/dev/null", modes[fd]));
            }
        }
    }
};

constexpr std::int64_t kSecondsFrom1601To1970 = 11'644'473'600;
constexpr std::int64_t kUnitsPerSecond = 10'000'000;

class LinuxPort final : public Port {
  public:
    std::optional<Failure> open_driver(const DeviceChoice& choice, aegis_options options, const Patience& patience,
                                       Log& log, Client& client) override;
    std::optional<Failure> close_driver() override;
    void interrupt_by(std::uint64_t signal) override { interrupt_.set_by(static_cast<int>(signal)); }

    WriteResult write_output(std::string_view text) override { return stdout_.write(text); }
    bool take_back_output(std::size_t bytes) override { return stdout_.take_back(bytes); }
    void abandon_output() override { stdout_.abandon(); }
    void interrupt() override { interrupt_.set(); }
    InterruptStatus wait_interrupt(Timeout timeout) override;
    bool stop_requested() const override { return interrupt_.set_by_signal(); }
    std::int64_t system_time() const override;
    std::int32_t utc_offset(std::int64_t filetime) const override;
    std::string host_name() const override;
    std::unique_ptr<DosPaths> dos_paths() const override { return nullptr; }
    UserName user_name(std::span<const std::byte> sid) const override;

  private:
    StandardDescriptors standard_descriptors_;  // first
    InterruptEvent interrupt_;
    StdoutWriter stdout_;
    std::unique_ptr<EmbeddedHost> host_;  // null: somebody else's
};

std::optional<Failure> LinuxPort::open_driver(const DeviceChoice& choice, aegis_options options,
                                              const Patience& patience, Log& log, Client& client) {
    const int interrupt = interrupt_.own_descriptor();
    if (!choice.path.empty()) {
        return open_at_host({.path = choice.path, .may_still_come = true}, options, patience, interrupt, log, client);
    }
    auto host = std::make_unique<EmbeddedHost>();
    if (auto failure = host->start(choice, patience, interrupt)) {
        return failure;
    }
    if (auto failure = open_at_host({.path = host->socket_path(), .may_still_come = false}, options, patience,
                                    interrupt, log, client)) {
        return failure;
    }
    host->hide();
    host_ = std::move(host);
    return std::nullopt;
}

std::optional<Failure> LinuxPort::close_driver() {
    const std::unique_ptr<EmbeddedHost> host = std::move(host_);
    return host != nullptr ? host->stop() : std::nullopt;
}

InterruptStatus LinuxPort::wait_interrupt(Timeout timeout) {
    timespec limit = {};
    if (timeout) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*timeout);
        limit = {seconds.count(), (*timeout - seconds).count()};
    }
    std::array<pollfd, 2> fds = {pollfd{interrupt_.descriptor(), POLLIN, 0}, pollfd{stdout_.descriptor(), 0, 0}};
    const int ready = ppoll(fds.data(), fds.size(), timeout ? &limit : nullptr, nullptr);
    if (fds[0].revents != 0) {
        return InterruptStatus::kInterrupted;
    }
    return ready > 0 ? InterruptStatus::kOutputClosed : InterruptStatus::kTimeout;
}

std::int64_t LinuxPort::system_time() const {
    constexpr std::int64_t kNanosecondsPerUnit = 100;
    timespec now = {};
    clock_gettime(CLOCK_REALTIME, &now);
    return (now.tv_sec + kSecondsFrom1601To1970) * kUnitsPerSecond + now.tv_nsec / kNanosecondsPerUnit;
}

std::int32_t LinuxPort::utc_offset(std::int64_t filetime) const {
    const std::time_t time = filetime / kUnitsPerSecond - kSecondsFrom1601To1970;
    std::tm local = {};
    return localtime_r(&time, &local) != nullptr ? static_cast<std::int32_t>(local.tm_gmtoff) : 0;
}

std::string LinuxPort::host_name() const {
    std::array<char, HOST_NAME_MAX + 1> name = {};
    if (gethostname(name.data(), name.size() - 1) != 0) {
        return "unknown";
    }
    const auto end = std::find(name.begin(), name.end(), '\0');
    std::string valid;
    utf8::replace_invalid(name.begin(), end, std::back_inserter(valid));
    return valid;
}

UserName LinuxPort::user_name(std::span<const std::byte> sid) const {
    const std::optional<std::uint32_t> uid = unix_user(sid);
    if (!uid) {
        return {};
    }
    constexpr std::size_t kMostBytes = std::size_t{1} << 20U;
    std::vector<char> texts(1024);
    passwd entry = {};
    passwd* found = nullptr;
    while (getpwuid_r(*uid, &entry, texts.data(), texts.size(), &found) == ERANGE && texts.size() < kMostBytes) {
        texts.resize(2 * texts.size());
    }
    UserName user;
    if (found != nullptr) {
        const std::string_view name = found->pw_name;
        utf8::replace_invalid(name.begin(), name.end(), std::back_inserter(user.name));
    }
    return user;
}

}  // namespace

std::unique_ptr<Port> make_port() {
    return std::make_unique<LinuxPort>();
}

const PlatformFacts& platform_facts() {
    static constexpr PlatformFacts kFacts = {
        .program = "aegis-agent",
        .device_help =
            "Socket of a running aegismon-host, or of one that starts just now;\n"
            "without it the agent starts a host of its own",
        .examples = R"(Examples:
  aegis-agent                                   follow process starts and ends until Ctrl-C
  aegis-agent --output ndjson --duration 20     twenty seconds of Elastic Common Schema
  aegis-agent --source synthetic:50000 --stats --output ndjson > /dev/null
                                                how fast is it on this machine?
  aegis-agent --device /run/aegismon/aegismon.sock --from now --count 10
                                                ten events of a host that already runs

Stdout carries events only; everything else goes to stderr.

Environment:
  AEGISMON_HOST    the aegismon-host to start; default: the one beside the agent, then in PATH
  TMPDIR           where the socket of a host that the agent starts is kept; default: /tmp

Exit codes:
  0 finished as asked    1 runtime failure      2 usage
  3 driver absent or access denied              4 protocol mismatch
  5 --fail-on-loss, and something was lost      6 the driver went away
  7 the driver did not answer in time
)",
        .longest_device_path = sizeof(sockaddr_un{}.sun_path) - 1,
        .embedded_host = true,
    };
    return kFacts;
}

}  // namespace aegis::agent
