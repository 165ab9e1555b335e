#include "driver/host/sources/source_selection.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "driver/host/sources/connector_source.hpp"
#include "driver/host/sources/live_source.hpp"
#include "driver/host/sources/procfs_source.hpp"

namespace aegis::host::sources {
namespace {

constexpr double kHighestRate = 1e9;
constexpr double kLowestRate = 1e-3;

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

using Options = std::vector<std::string_view>;

Options split(std::string_view text, char separator) {
    Options parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

// types=process, types=process+thread+image+handle. Processes are what everything else hangs on.
std::optional<std::string> parse_types(std::string_view text, SourceChoice& choice) {
    bool processes = false;
    choice.threads = false;
    choice.images = false;
    choice.handles = false;
    choice.registry = false;
    for (const std::string_view type : split(text, '+')) {
        if (type == "process") {
            processes = true;
        } else if (type == "thread") {
            choice.threads = true;
        } else if (type == "image") {
            choice.images = true;
        } else if (type == "handle") {
            choice.handles = true;
        } else if (type == "registry") {
            choice.registry = true;
        } else {
            return fmt::format("'{}' is no type of activity: process, thread, image, handle or registry", type);
        }
    }
    if (!processes) {
        return fmt::format("types '{}': without process nothing else is understood; use types=process+{}", text, text);
    }
    if ((choice.threads || choice.images || choice.handles || choice.registry) && choice.kind == SourceKind::kProcfs) {
        return fmt::format("types '{}': procfs sees processes only; the rest takes the connector", text);
    }
    return std::nullopt;
}

std::optional<std::string> parse_option(std::string_view option, SourceChoice& choice) {
    constexpr std::string_view kTypes = "types=";
    constexpr std::string_view kCount = "count=";
    if (option.starts_with(kTypes)) {
        return parse_types(option.substr(kTypes.size()), choice);
    }
    if (choice.kind != SourceKind::kSynthetic) {
        return fmt::format("'{}' is not types=process, with +thread, +image, +handle or +registry behind it", option);
    }
    const std::optional<std::uint64_t> count =
        option.starts_with(kCount) ? parse_number<std::uint64_t>(option.substr(kCount.size())) : std::nullopt;
    if (!count || *count == 0) {
        return fmt::format(
            "synthetic: '{}' is not count=N with a positive N, nor types=process+thread+image+handle+registry", option);
    }
    choice.synthetic.count = *count;
    return std::nullopt;
}

// "synthetic:RATE", or the name of another source.
std::optional<std::string> parse_kind(std::string_view text, SourceChoice& choice) {
    constexpr std::string_view kSynthetic = "synthetic:";
    choice.threads = true;
    choice.images = true;
    choice.handles = true;
    choice.registry = true;
    if (text == "auto") {
        choice.kind = SourceKind::kAuto;
        return std::nullopt;
    }
    if (text == "connector") {
        choice.kind = SourceKind::kConnector;
        return std::nullopt;
    }
    choice.threads = false;
    choice.images = false;
    choice.handles = false;
    choice.registry = false;
    if (text == "procfs") {
        choice.kind = SourceKind::kProcfs;
        return std::nullopt;
    }
    if (!text.starts_with(kSynthetic)) {
        return fmt::format("'{}' is no source: connector, procfs, auto or synthetic:RATE[,count=N][,types=…]", text);
    }
    choice.kind = SourceKind::kSynthetic;
    const std::string_view rate_text = text.substr(kSynthetic.size());
    const std::optional<double> rate = rate_text == "max" ? 0.0 : parse_number<double>(rate_text);
    if (!rate || !(*rate == 0 || (*rate >= kLowestRate && *rate <= kHighestRate))) {
        return fmt::format(
            "synthetic: '{}' is no rate: events a second from 0.001 to 1000000000, or 0 or max for as fast as possible",
            rate_text);
    }
    choice.synthetic.rate = *rate;
    return std::nullopt;
}

template <typename Source, typename... Arguments>
StartedSource try_start(ActivitySink& sink, Arguments&&... arguments) {
    auto source = std::make_unique<Source>(std::forward<Arguments>(arguments)...);
    if (std::optional<SourceError> error = source->start(sink)) {
        return {nullptr, std::move(*error)};
    }
    return {std::move(source), {}};
}

StartedSource start_live(const SourceChoice& choice, ActivitySink& sink, const Report& report) {
    const Tells wanted{
        .threads = choice.threads, .images = choice.images, .handles = choice.handles, .registry = choice.registry};
    const bool any = wanted.threads || wanted.images || wanted.handles || wanted.registry;
    return any ? try_start<LiveSource>(sink, report, wanted) : try_start<ConnectorSource>(sink, report);
}

}  // namespace

std::variant<SourceChoice, std::string> parse_source(std::string_view text) {
    SourceChoice choice;
    const Options parts = split(text, ',');
    std::optional<std::string> error = parse_kind(parts.front(), choice);
    for (std::size_t i = 1; i < parts.size() && !error; ++i) {
        error = parse_option(parts[i], choice);
    }
    if (error) {
        return std::move(*error);
    }
    choice.synthetic.threads = choice.threads;
    choice.synthetic.images = choice.images;
    choice.synthetic.handles = choice.handles;
    choice.synthetic.registry = choice.registry;
    return choice;
}

StartedSource start_source(const SourceChoice& choice, ActivitySink& sink, const Report& report) {
    switch (choice.kind) {
        case SourceKind::kConnector: {
            StartedSource started = start_live(choice, sink, report);
            if (!started.source) {
                started.error.message += "; or use --source procfs";
            }
            return started;
        }
        case SourceKind::kProcfs:
            return try_start<ProcfsSource>(sink);
        case SourceKind::kSynthetic:
            return try_start<SyntheticSource>(sink, choice.synthetic);
        case SourceKind::kAuto:
            break;
    }
    StartedSource connector = start_live(choice, sink, report);
    if (connector.source) {
        return connector;
    }
    const bool more = choice.threads || choice.images || choice.handles || choice.registry;
    report(
        fmt::format("source: scanning /proc, which misses processes that live for less than about 10 ms{}, because {}",
                    more ? ", and sees nothing else" : "", connector.error.message));
    return try_start<ProcfsSource>(sink);
}

}  // namespace aegis::host::sources
