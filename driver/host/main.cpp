// aegismon-host: the driver, loaded into a Linux process.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "aegis/ring_layout.h"
#include "aegis/version.h"
#include "driver/host/client/client.hpp"
#include "driver/host/executive/executive.hpp"
#include "driver/host/server/activity_notifier.hpp"
#include "driver/host/server/server.hpp"
#include "driver/host/sources/source_selection.hpp"

extern "C" DRIVER_INITIALIZE DriverEntry;

namespace aegis::host {
namespace {

enum ExitCode : int {
    kFinished = 0,
    kFailed = 1,
    kUsage = 2,
    kNoSource = 3,
};

struct Options {
    std::string socket_path = client::default_socket_path();
    std::string source = "auto";
    std::uint64_t seed = 1;
    std::optional<std::uint32_t> slot_count;
    bool embedded = false;
    int ready_fd = -1;
    bool debug = false;
};

// One write per line, so that lines of several threads do not mix.
void print_line(std::string_view line) {
    const std::string text = fmt::format("aegismon-host: {}\n", line);
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

// Signals that ask for the end become readable here instead of interrupting a thread. Ctrl-C reaches an
// embedded host together with its parent, which may still want to drain the ring: the parent's end is
// then the host's.
UniqueFd catch_end_signals(bool embedded) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    if (embedded) {
        std::signal(SIGINT, SIG_IGN);
    } else {
        sigaddset(&signals, SIGINT);
    }
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    return UniqueFd(signalfd(-1, &signals, SFD_CLOEXEC));
}

// Events and ring mappings are descriptors; the soft limit is often 1024.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

// Returns when a signal asks for the end, or, embedded, when the parent has gone.
void wait_for_end(const UniqueFd& signals, const UniqueFd& parent) {
    std::array<pollfd, 2> fds = {pollfd{signals.get(), POLLIN, 0}, pollfd{parent.get(), POLLIN, 0}};
    while (poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
    }
}

bool announce_ready(int fd, const std::string& socket_path) {
    const std::string line = fmt::format("ready {}\n", socket_path);
    const bool written = ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    ::close(fd);
    return written;
}

// At the end: what the source missed, and with --debug everything it counted.
void report_counters(const sources::ActivitySource& source, bool everything) {
    for (const sources::Counter& counter : source.counters()) {
        const bool is_loss = counter.name.ends_with("_dropped") || counter.name.ends_with("_unknown");
        if (everything || (is_loss && counter.value != 0)) {
            print_line(fmt::format("{}: {}={}", source.name(), counter.name, counter.value));
        }
    }
}

bool unload(Executive& executive) {
    if (executive.unload_driver() == UnloadResult::kUnloaded) {
        return true;
    }
    print_line("the driver did not unload: handles to its device are still open");
    return false;
}

ServiceOptions service_options(const Options& options) {
    ServiceOptions service;
    if (options.slot_count) {
        service.parameters.emplace(u"SlotCount", registry_dword(*options.slot_count));
    }
    return service;
}

int run(const Options& options, const sources::SourceChoice& choice) {
    // The parent before anything else, or another process may have adopted us by the time we ask.
    const UniqueFd parent(options.embedded ? static_cast<int>(syscall(SYS_pidfd_open, getppid(), 0)) : -1);
    if (options.embedded && !parent) {
        print_line("embedded: the parent process has ended already");
        return kFailed;
    }
    const UniqueFd signals = catch_end_signals(options.embedded);
    raise_descriptor_limit();

    Executive executive({.debug_print = [debug = options.debug](ULONG level, std::string_view line) {
        if (debug || level == DPFLTR_ERROR_LEVEL) {
            print_line(line);
        }
    }});
    const NTSTATUS status = executive.load_driver(&DriverEntry, service_options(options));
    if (!NT_SUCCESS(status)) {
        print_line(fmt::format("the driver failed to load: DriverEntry returned NTSTATUS 0x{:08X}",
                               static_cast<std::uint32_t>(status)));
        return kFailed;
    }
    server::Server server(executive, print_line);
    server::ActivityNotifier notifier(executive, server.processes());
    const sources::StartedSource started = sources::start_source(choice, notifier, print_line);
    if (!started.source) {
        print_line(fmt::format("--source {}: {}", options.source, started.error.message));
        return unload(executive) ? kNoSource : kFailed;
    }
    int result = kFinished;
    if (const std::optional<std::string> error =
            server.start(options.socket_path, choice.kind != sources::SourceKind::kSynthetic)) {
        print_line(*error);
        result = kFailed;
    } else if (options.ready_fd >= 0 && !announce_ready(options.ready_fd, options.socket_path)) {
        print_line("nobody reads the --ready-fd descriptor any more");
        result = kFailed;
    } else {
        wait_for_end(signals, parent);
    }
    started.source->stop();
    server.stop();
    report_counters(*started.source, options.debug);
    return unload(executive) ? result : kFailed;
}

constexpr const char* kExamples = R"(Sources:
  connector          the kernel's process events: every process, real time (needs root)
  procfs             scans /proc: needs no privilege, misses short-lived processes
  auto               connector where it delivers, else procfs
  synthetic:RATE     invented events, RATE a second (0 or max: as fast as possible);
                     synthetic:RATE,count=N stops after N

Examples:
  aegismon-host
  aegismon-host --source synthetic:20000 --seed 7 --socket /tmp/aegis.sock
  aegismon-host --slot-count 65536 --debug

Exit codes: 0 ended as asked, 1 runtime failure, 2 usage, 3 the source lacks a privilege or cannot work here)";

int run_with_arguments(int argc, char** argv) {
    Options options;
    std::variant<sources::SourceChoice, std::string> choice;
    CLI::App app("Runs the AegisMon driver in a Linux process and serves its device to local clients.",
                 "aegismon-host");
    app.set_version_flag("--version", "aegismon-host " AEGIS_VERSION_STRING);
    app.add_option("--socket", options.socket_path, "Unix socket to serve")->capture_default_str();
    app.add_option("--source", options.source, "where process activity comes from")
        ->capture_default_str()
        ->check([&choice](const std::string& text) {
            choice = sources::parse_source(text);
            const std::string* const error = std::get_if<std::string>(&choice);
            return error == nullptr ? std::string() : *error;
        });
    app.add_option("--seed", options.seed, "of the synthetic source: same seed, same events")->capture_default_str();
    app.add_option("--slot-count", options.slot_count,
                   fmt::format("events the ring holds, a power of two from {} to {} (default {}); goes to the driver's "
                               "Parameters\\SlotCount as it is",
                               AEGIS_SLOT_COUNT_MIN, AEGIS_SLOT_COUNT_MAX, AEGIS_SLOT_COUNT_DEFAULT));
    app.add_flag("--embedded", options.embedded,
                 "end when the parent process ends; ignore Ctrl-C, which the parent gets as well");
    app.add_option("--ready-fd", options.ready_fd,
                   "descriptor that gets one line, and is closed, when clients can connect")
        ->check(CLI::NonNegativeNumber);
    app.add_flag("--debug", options.debug, "show all debug output of the driver, and all counters at the end");
    app.footer(kExamples);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kFinished : kUsage;
    }
    if (choice.index() != 0) {
        return kUsage;
    }
    auto& chosen = std::get<sources::SourceChoice>(choice);
    chosen.synthetic.seed = options.seed;
    return run(options, chosen);
}

}  // namespace
}  // namespace aegis::host

int main(int argc, char** argv) {
    using namespace aegis::host;
    try {
        return run_with_arguments(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "aegismon-host: %s\n", error.what());
        return kFailed;
    }
}
