// aegismon-host: the driver, loaded into a Linux process.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "aegis/ring_layout.h"
#include "driver/host/descriptors.hpp"
#include "driver/host/executive/executive.hpp"
#include "driver/host/options.hpp"
#include "driver/host/server/activity_notifier.hpp"
#include "driver/host/server/exec_gate.hpp"
#include "driver/host/server/server.hpp"
#include "driver/host/sources/source_selection.hpp"

extern "C" DRIVER_INITIALIZE DriverEntry;

namespace aegis::host {
namespace {

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

ServiceOptions service_options(const Options& options) {
    ServiceOptions service;
    if (options.ring_kib) {
        service.parameters.emplace(u"RingKiB", registry_dword(*options.ring_kib));
    }
    return service;
}

std::string too_few_descriptors() {
    return fmt::format(
        "too few file descriptors: this process may open {}, and the host needs {} besides those that are open when it "
        "starts; raise the limit ('ulimit -n 1024' in the shell, LimitNOFILE= in a systemd unit)",
        descriptor_limit(), kDescriptorsToStart);
}

// As the service manager stops a driver. NT lets nobody open it any more and unloads it when the last handle is closed;
// the clients learn that they are waited for, have `patience` to read what is there and to close their handles, and are
// then treated like processes that have ended.
void stop_service(Executive& executive, server::Server& server, std::chrono::seconds patience) {
    if (executive.unload_driver() == UnloadResult::kPending) {
        server.announce_stop();
        if (!executive.wait_for_unload(patience)) {
            print_line(
                fmt::format("the device is still open after {} s in process {}: closing it there "
                            "(--stop-timeout sets how long to wait)",
                            patience.count(), fmt::join(executive.device_holders(), ", ")));
        }
    }
    server.stop();
}

// Whatever ends the host early, the driver is unloaded first.
class LoadedDriver {
  public:
    explicit LoadedDriver(Executive& executive) : executive_(&executive) {}
    ~LoadedDriver() { unload(); }
    LoadedDriver(const LoadedDriver&) = delete;
    LoadedDriver& operator=(const LoadedDriver&) = delete;

    bool unload() {
        Executive* const loaded = std::exchange(executive_, nullptr);
        if (loaded == nullptr) {
            return true;
        }
        // The last close of a handle may have done it already.
        loaded->unload_driver();
        if (!loaded->driver_loaded()) {
            return true;
        }
        print_line("the driver did not unload: handles to its device are still open");
        return false;
    }

  private:
    Executive* executive_;
};

// Until something asks for the end.
int serve(const Options& options, Executive& executive, const UniqueFd& signals, const UniqueFd& parent) {
    server::Server server(executive, print_line);
    server::ActivityNotifier notifier(executive, server.processes(), print_line);
    const sources::StartedSource started = sources::start_source(options.source_choice, notifier, print_line);
    if (!started.source) {
        print_line(fmt::format("--source {}: {}", options.source, started.error.message));
        return kNoSource;
    }
    notifier.tell_what_is_missing(started.source->tells());
    // What a source makes up runs nowhere.
    const bool live = options.source_choice.kind != sources::SourceKind::kSynthetic;
    server::ExecGate gate(executive, server.processes(), print_line);
    executive.set_file_watch(live ? &gate : nullptr);
    int result = kFinished;
    if (const std::optional<std::string> error = server.start(options.socket_path, live)) {
        print_line(*error);
        result = kFailed;
    } else if (options.ready_fd >= 0 && !announce_ready(options.ready_fd, options.socket_path)) {
        print_line("nobody reads the --ready-fd descriptor any more");
        result = kFailed;
    } else {
        if (!options.embedded) {
            print_line(fmt::format("ready: source {}, socket {}, ring of {} KiB", started.source->name(),
                                   options.socket_path, options.ring_kib.value_or(AEGIS_RING_KIB_DEFAULT)));
        }
        wait_for_end(signals, parent);
    }
    // First: what it has seen is published before the clients are asked to read to the end.
    started.source->stop();
    stop_service(executive, server, std::chrono::seconds(options.stop_timeout_seconds));
    executive.set_file_watch(nullptr);
    report_counters(*started.source, options.debug);
    return result;
}

int run(const Options& options) {
    // The parent before anything else, or another process may have adopted us by the time we ask.
    const UniqueFd parent(options.embedded ? static_cast<int>(syscall(SYS_pidfd_open, getppid(), 0)) : -1);
    if (options.embedded && !parent) {
        print_line("embedded: the parent process has ended already");
        return kFailed;
    }
    const UniqueFd signals = catch_end_signals(options.embedded);
    ExecutiveOptions settings;
    settings.invent_users = false;
    settings.debug_print = [debug = options.debug](ULONG level, std::string_view line) {
        if (debug || level == DPFLTR_ERROR_LEVEL) {
            print_line(line);
        }
    };
    if (options.trace) {
        settings.trace = [](const TraceEvent& event) { print_line("etw: " + to_text(event)); };
    }
    Executive executive(std::move(settings));
    const NTSTATUS status = executive.load_driver(&DriverEntry, service_options(options));
    if (!NT_SUCCESS(status)) {
        print_line(fmt::format("the driver failed to load (status 0x{:08X}); its own line is above",
                               static_cast<std::uint32_t>(status)));
        return kFailed;
    }
    LoadedDriver driver(executive);
    const int result = serve(options, executive, signals, parent);
    return driver.unload() ? result : kFailed;
}

// What is asked for on stdout must arrive there.
int say(const EarlyExit& exit) {
    std::FILE* const stream = exit.code == kFinished ? stdout : stderr;
    const bool written = std::fputs(exit.text.c_str(), stream) >= 0 && std::fflush(stream) == 0;
    return written ? exit.code : kFailed;
}

int run_with_arguments(int argc, char** argv) {
    const auto parsed = parse_options(argc, argv);
    if (const auto* const exit = std::get_if<EarlyExit>(&parsed)) {
        return say(*exit);
    }
    raise_descriptor_limit();
    if (!descriptors_left(kDescriptorsToStart)) {
        print_line(too_few_descriptors());
        return kNoDescriptors;
    }
    return run(std::get<Options>(parsed));
}

}  // namespace
}  // namespace aegis::host

int main(int argc, char** argv) {
    using namespace aegis::host;
    try {
        return run_with_arguments(argc, argv);
    } catch (const std::system_error& error) {
        // Somebody else took the last ones, or the whole system has none.
        const bool no_descriptors =
            error.code() == std::errc::too_many_files_open || error.code() == std::errc::too_many_files_open_in_system;
        print_line(no_descriptors ? too_few_descriptors() : error.what());
        return no_descriptors ? kNoDescriptors : kFailed;
    } catch (const std::exception& error) {
        print_line(error.what());
        return kFailed;
    }
}
