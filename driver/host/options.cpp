#include "driver/host/options.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <charconv>
#include <limits>
#include <system_error>

#include "aegis/ring/region.hpp"
#include "aegis/ring_layout.h"
#include "aegis/version.h"
#include "driver/host/client/client.hpp"

namespace aegis::host {
namespace {

constexpr const char* kProgram = "aegismon-host";
constexpr std::uint32_t kMostStopSeconds = 3600;

// Lines of at most 100 columns.
constexpr const char* kFooter = R"(Sources:
  connector          the kernel's process events: every process, real time (needs root)
  procfs             scans /proc: needs no privilege, misses short-lived processes
  auto               connector where it delivers, else procfs
  synthetic:RATE     invented events, RATE a second (0 or max: as fast as possible);
                     synthetic:RATE,count=N stops after N
  SOURCE,types=T     what of: process, and what stands behind it of +thread, +image, +handle
                     and +registry; connector and auto: all, those from perf events and a
                     BPF program (need root); synthetic: process

Examples:
  aegismon-host
  aegismon-host --source synthetic:20000 --seed 7 --socket /tmp/aegis.sock
  aegismon-host --ring-kib 65536 --debug

Environment:
  XDG_RUNTIME_DIR    where the default socket of a user other than root is

Exit codes:
  0 ended as asked    1 runtime failure    2 usage
  3 the source lacks a privilege or cannot work here
  4 too few file descriptors (ulimit -n)
)";

// An option whose value is a whole number from `least` to `most`. (CLI11's own conversion takes "-1" for 2^64 - 1.)
template <class T>
void add_number(CLI::App& app, const std::string& name, T least, T most, std::function<void(T)> take,
                const std::string& text, const std::string& description) {
    const auto parse = [take = std::move(take), name, least, most](const std::string& given) {
        T number{};
        const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), number);
        const bool whole = error == std::errc() && end == given.data() + given.size();
        if (!whole || number < least || number > most) {
            throw CLI::ValidationError(name, fmt::format("'{}' is no whole number from {} to {}", given, least, most));
        }
        take(number);
    };
    app.add_option_function<std::string>(name, parse, description)->option_text(text);
}

// An option of releases before the ring's size was given in KiB.
void refuse_slot_count(const std::string& /*given*/) {
    throw CLI::ValidationError("--slot-count",
                               "the ring's size is given in KiB now: use --ring-kib (1000 slots were 1063 KiB)");
}

void set_source(const std::string& given, Options& options) {
    const auto choice = sources::parse_source(given);
    if (const std::string* const error = std::get_if<std::string>(&choice)) {
        throw CLI::ValidationError("--source", *error);
    }
    options.source = given;
    options.source_choice = std::get<sources::SourceChoice>(choice);
}

// Looked at before the host opens anything: afterwards the number could be one of its own.
void set_ready_fd(int fd, Options& options) {
    if (fcntl(fd, F_GETFD) < 0) {
        throw CLI::ValidationError("--ready-fd",
                                   fmt::format("{} is no open descriptor; a shell opens it with {}>FILE", fd, fd));
    }
    options.ready_fd = fd;
}

void add_options(CLI::App& app, Options& options) {
    app.add_option("--socket", options.socket_path, "Unix socket to serve")
        ->option_text(fmt::format("PATH [{}]", options.socket_path));
    app.add_option_function<std::string>(
           "--source", [&options](const std::string& given) { set_source(given, options); },
           "Where process activity comes from")
        ->option_text("SOURCE [auto]");
    add_number<std::uint64_t>(
        app, "--seed", 0, std::numeric_limits<std::uint64_t>::max(),
        [&options](std::uint64_t seed) { options.seed = seed; }, "N [1]",
        "Of the synthetic source: same seed, same events");
    add_number<std::uint32_t>(
        app, "--ring-kib", AEGIS_RING_KIB_MIN, AEGIS_RING_KIB_MAX,
        [&options](std::uint32_t kib) { options.ring_kib = kib; }, fmt::format("KIB [{}]", AEGIS_RING_KIB_DEFAULT),
        fmt::format("Memory of the ring in KiB: from {} to {}", AEGIS_RING_KIB_MIN, AEGIS_RING_KIB_MAX));
    app.add_option_function<std::string>("--slot-count", refuse_slot_count)->group("");
    app.add_flag("--embedded", options.embedded,
                 "End when the parent process ends; ignore Ctrl-C, which it gets too;\nsay only what goes wrong");
    add_number<int>(
        app, "--ready-fd", 0, std::numeric_limits<int>::max(), [&options](int fd) { set_ready_fd(fd, options); }, "FD",
        "Open descriptor that gets a line, and is closed, when clients can\nconnect");
    add_number<std::uint32_t>(
        app, "--stop-timeout", 0, kMostStopSeconds,
        [&options](std::uint32_t seconds) { options.stop_timeout_seconds = seconds; }, "SECONDS [5]",
        "When the host is asked to end: how long clients may take to read to\nthe end and to close the device");
    app.add_flag("--trace", options.trace, "Show what the driver writes to ETW: its load, its failures");
    app.add_flag("--debug", options.debug, "Show all debug output of the driver, and all counters at the end");
}

EarlyExit usage_error(const std::string& message) {
    return {kUsage, fmt::format("{}: {}\nRun '{} --help' for the options.\n", kProgram, message, kProgram)};
}

}  // namespace

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv) {
    Options options;
    options.socket_path = client::default_socket_path();
    CLI::App app("Runs the AegisMon driver in a Linux process and serves its device to local clients.", kProgram);
    app.footer(kFooter);
    app.set_help_flag("-h,--help", "This text");
    bool version = false;
    app.add_flag("--version", version, "Version of the program");
    // CLI11 names them in reverse order.
    app.allow_extras();
    add_options(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return EarlyExit{kFinished, app.help()};
    } catch (const CLI::ParseError& error) {
        return usage_error(error.what());
    }
    if (const std::vector<std::string> unknown = app.remaining(); !unknown.empty()) {
        return usage_error(fmt::format("not understood: {}", fmt::join(unknown, " ")));
    }
    if (version) {
        return EarlyExit{kFinished, fmt::format("{} {}\n", kProgram, AEGIS_VERSION_STRING)};
    }
    options.source_choice.synthetic.seed = options.seed;
    return options;
}

}  // namespace aegis::host
