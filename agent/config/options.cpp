#include "agent/config/options.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <charconv>
#include <concepts>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "aegis/ioctl.h"
#include "aegis/version.h"

namespace aegis::agent {
namespace {

constexpr double kLongestDuration = 1e9;  // seconds; about 30 years, and far from overflowing nanoseconds
constexpr std::uint32_t kMostConsumers = 64;
constexpr std::uint32_t kMostWakeupBatch = 65536;
constexpr std::uint32_t kLongestPollMs = 60'000;
constexpr std::uint32_t kLongestHealthInterval = 86'400;
constexpr std::uint32_t kLongestRequest = 3'600;

std::string version_text(const PlatformFacts& platform) {
    return fmt::format("{} {} (ring ABI {}.{}, control version {})\n", platform.program, AEGIS_VERSION_STRING,
                       AEGIS_RING_ABI_MAJOR, AEGIS_RING_ABI_MINOR, AEGIS_CONTROL_VERSION);
}

// An option whose value is one of a few words.
template <class T>
void add_choice(CLI::App& app, const std::string& name, T& target,
                const std::vector<std::pair<std::string, T>>& choices, const std::string& description) {
    std::string words;
    for (const auto& [word, value] : choices) {
        words += (words.empty() ? "" : "|") + word;
    }
    const auto choose = [&target, name, choices, words](const std::string& given) {
        for (const auto& [word, value] : choices) {
            if (word == given) {
                target = value;
                return;
            }
        }
        throw CLI::ValidationError(name, fmt::format("'{}' is none of {}", given, words));
    };
    app.add_option_function<std::string>(name, choose, description)
        ->type_name("value")
        ->option_text(fmt::format("{} [{}]", words, choices.front().first));
}

// The whole text as a number; none when it is something else or does not fit. (CLI11's own conversion takes "-1" for
// 2^64 - 1.)
std::optional<std::uint64_t> parse_number(const std::string& text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole ? std::optional(number) : std::nullopt;
}

// An option whose value is a whole number from `least` to `most`, which `set` is told.
template <class T, class Set>
CLI::Option* add_number(CLI::App& app, const std::string& name, Set set, T least, T most, const std::string& text,
                        const std::string& description) requires std::invocable<Set, T> {
    const auto take = [set, name, least, most](const std::string& given) {
        const std::optional<std::uint64_t> number = parse_number(given);
        if (!number || *number < least || *number > most) {
            throw CLI::ValidationError(name, fmt::format("'{}' is no whole number from {} to {}", given, least, most));
        }
        set(static_cast<T>(*number));
    };
    return app.add_option_function<std::string>(name, take, description)->type_name("value")->option_text(text);
}

template <class T>
void add_number(CLI::App& app, const std::string& name, T& target, T least, T most, const std::string& text,
                const std::string& description) {
    add_number<T>(
        app, name, [&target](T number) { target = number; }, least, most, text, description);
}

std::string check_duration(const std::string& text) {
    double seconds = 0;
    // Written so that "nan" fails as well.
    const bool valid = CLI::detail::lexical_cast(text, seconds) && seconds >= 0 && seconds <= kLongestDuration;
    return valid ? std::string() : fmt::format("{} is no number of seconds from 0 to {}", text, kLongestDuration);
}

// An option of releases before the ring's size was given in KiB.
void refuse_slot_count(const std::string& /*given*/) {
    throw CLI::ValidationError("--slot-count",
                               "the ring's size is given in KiB now: use --ring-kib (1000 slots were 1063 KiB)");
}

void add_stream_options(CLI::App& app, Options& options) {
    add_choice(app, "--transport", options.transport, {{"ring", Transport::kRing}, {"pull", Transport::kPull}},
               "ring: mapped memory, and pull when it cannot be mapped;\npull: ask the driver at intervals");
    add_choice(app, "--output", options.output, {{"text", OutputFormat::kText}, {"ndjson", OutputFormat::kNdjson}},
               "text: a line a person reads; ndjson: Elastic Common Schema");
    app.add_flag("--local-time", options.local_time, "With text: local time and its distance from UTC, instead of UTC");
    add_choice(app, "--from", options.from, {{"oldest", StartAt::kOldest}, {"now", StartAt::kNow}},
               "oldest: begin with what the ring still holds; now: with what follows");
    app.add_option("--duration", options.duration_seconds, "End after this many seconds")
        ->check(check_duration, "")
        ->option_text("SECONDS");
    add_number<std::uint64_t>(app, "--count", options.count, 1, std::numeric_limits<std::uint64_t>::max(), "N",
                              "End after this many printed events");
}

void add_policy_option(CLI::App& app, Options& options) {
    const auto set_path = [&options](const std::string& path) {
        if (path.empty()) {
            throw CLI::ValidationError("--policy", "an empty path; leave --policy out for no policy");
        }
        options.policy_path = path;
    };
    app.add_option_function<std::string>("--policy", set_path,
                                         "A policy for the driver: what becomes an event and what is\n"
                                         "refused, for as long as this agent runs; docs/policy.md")
        ->option_text("FILE");
    app.add_flag("--protect", options.protect,
                 "Have the driver protect this agent: other programs get no right\nto end, suspend or change it");
}

void add_reading_options(CLI::App& app, Options& options) {
    add_number<std::uint32_t>(app, "--wakeup-batch", options.wakeup_batch, 1, kMostWakeupBatch, "K [1]",
                              "Sleep until K events wait, or until 100 ms have passed with fewer:\n"
                              "fewer wakeups, more latency");
    add_number<std::uint32_t>(app, "--consumers", options.consumers, 1, kMostConsumers, "N [1]",
                              "Threads that share the ring's events: each event is printed once,\n"
                              "by one of them; the order of lines from different threads is not\npromised");
    add_number<std::uint32_t>(app, "--poll-ms", options.poll_ms, 1, kLongestPollMs, "MS [200]",
                              "With pull: the time between two questions to the driver");
    add_number<std::uint32_t>(app, "--health-interval", options.health_seconds, 0, kLongestHealthInterval,
                              "SECONDS [30]",
                              "Ask the driver at this interval whether its callbacks are still\nregistered; 0: never");
    add_number<std::uint32_t>(app, "--request-timeout", options.request_seconds, 1, kLongestRequest, "SECONDS [10]",
                              "How long the driver may take to answer a request");
}

void add_reporting_options(CLI::App& app, Options& options) {
    app.add_flag("--fail-on-loss", options.fail_on_loss,
                 "Exit with code 5 when an event was lost, or read and not\nwritten");
    app.add_flag(
        "--quiet", options.quiet,
        "No summary and no notes on stderr; errors still appear, and what\n--stats and --measure-latency ask for");
    app.add_flag("--stats", options.stats, "A progress line a second on stderr");
    app.add_flag("--measure-latency", options.measure_latency,
                 "Report median, p99 and maximum from an event's timestamp to its\nwritten line");
}

void add_device_options(CLI::App& app, Options& options, const PlatformFacts& platform) {
    const auto set_path = [&options, longest = platform.longest_device_path](const std::string& path) {
        if (path.empty()) {
            throw CLI::ValidationError("--device", "an empty path; leave --device out for the default");
        }
        if (path.size() > longest) {
            throw CLI::ValidationError(
                "--device", fmt::format("'{}' has {} bytes; at most {} are possible", path, path.size(), longest));
        }
        options.device.path = path;
    };
    app.add_flag(
        "--holders", options.list_holders,
        "Print the processes that read from the driver, one a line, and end:\nit unloads when they have closed it");
    auto* device = app.add_option_function<std::string>("--device", set_path, std::string(platform.device_help));
    device->option_text("PATH");
    if (!platform.embedded_host) {
        return;
    }
    app.add_option("--source", options.device.source,
                   "Where the embedded host takes process activity from: auto, connector,\nprocfs or synthetic:RATE;\n"
                   "with \",types=process\" behind it: of nothing else")
        ->excludes(device)
        ->option_text("SOURCE [auto]");
    const auto set_seed = [&options](std::uint64_t seed) { options.device.seed = seed; };
    add_number<std::uint64_t>(app, "--seed", set_seed, 0, std::numeric_limits<std::uint64_t>::max(), "N [1]",
                              "Of the embedded host's synthetic source: same seed, same events")
        ->excludes(device);
    const auto set_ring_kib = [&options](std::uint32_t kib) { options.device.ring_kib = kib; };
    add_number<std::uint32_t>(app, "--ring-kib", set_ring_kib, AEGIS_RING_KIB_MIN, AEGIS_RING_KIB_MAX,
                              fmt::format("KIB [{}]", AEGIS_RING_KIB_DEFAULT), "Memory of the embedded host's ring")
        ->excludes(device);
    app.add_option_function<std::string>("--slot-count", refuse_slot_count)->group("");
}

EarlyExit usage_error(const PlatformFacts& platform, const std::string& message) {
    return {ExitCode::kUsage,
            fmt::format("{}: {}\nRun '{} --help' for the options.\n", platform.program, message, platform.program)};
}

}  // namespace

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv, const PlatformFacts& platform) {
    Options options;
    CLI::App app("Prints what the AegisMon sensor sees, one event a line, on stdout.", std::string(platform.program));
    app.footer(std::string(platform.examples));
    app.set_help_flag("-h,--help", "This text");
    bool version = false;
    app.add_flag("--version", version, "Version of the program and of the protocols it speaks");
    // CLI11 names them in reverse order.
    app.allow_extras();
    add_stream_options(app, options);
    add_policy_option(app, options);
    add_reading_options(app, options);
    add_reporting_options(app, options);
    add_device_options(app, options, platform);

    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return EarlyExit{ExitCode::kFinished, app.help()};
    } catch (const CLI::ParseError& error) {
        return usage_error(platform, error.what());
    }
    if (const std::vector<std::string> unknown = app.remaining(); !unknown.empty()) {
        return usage_error(platform, fmt::format("not understood: {}", fmt::join(unknown, " ")));
    }
    if (version) {
        return EarlyExit{ExitCode::kFinished, version_text(platform)};
    }
    if (options.list_holders && !options.policy_path.empty()) {
        return usage_error(platform, "--policy lasts as long as the agent reads; --holders ends at once");
    }
    if (options.list_holders && options.protect) {
        return usage_error(platform, "--protect lasts as long as the agent reads; --holders ends at once");
    }
    if (options.local_time && options.output == OutputFormat::kNdjson) {
        return usage_error(platform, "--local-time is for --output text; the timestamps of NDJSON are always UTC");
    }
    if (options.transport == Transport::kPull && options.consumers > 1) {
        return usage_error(platform,
                           "--consumers shares the ring among threads; it has no meaning with --transport pull");
    }
    return options;
}

}  // namespace aegis::agent
