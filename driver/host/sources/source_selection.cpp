#include "driver/host/sources/source_selection.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

#include "driver/host/sources/connector_source.hpp"
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

std::variant<SourceChoice, std::string> parse_synthetic(std::string_view options) {
    constexpr std::string_view kCount = "count=";
    SourceChoice choice;
    choice.kind = SourceKind::kSynthetic;
    const std::size_t comma = options.find(',');
    const std::string_view rate_text = options.substr(0, comma);
    const std::optional<double> rate = rate_text == "max" ? 0.0 : parse_number<double>(rate_text);
    if (!rate || !(*rate == 0 || (*rate >= kLowestRate && *rate <= kHighestRate))) {
        return fmt::format(
            "synthetic: '{}' is no rate: events a second from 0.001 to 1000000000, or 0 or max for as fast as possible",
            rate_text);
    }
    choice.synthetic.rate = *rate;
    if (comma != std::string_view::npos) {
        const std::string_view option = options.substr(comma + 1);
        const std::optional<std::uint64_t> count =
            option.starts_with(kCount) ? parse_number<std::uint64_t>(option.substr(kCount.size())) : std::nullopt;
        if (!count || *count == 0) {
            return fmt::format("synthetic: '{}' is not count=N with a positive N", option);
        }
        choice.synthetic.count = *count;
    }
    return choice;
}

template <typename Source, typename... Arguments>
StartedSource try_start(ProcessSink& sink, Arguments&&... arguments) {
    auto source = std::make_unique<Source>(std::forward<Arguments>(arguments)...);
    if (std::optional<SourceError> error = source->start(sink)) {
        return {nullptr, std::move(*error)};
    }
    return {std::move(source), {}};
}

}  // namespace

std::variant<SourceChoice, std::string> parse_source(std::string_view text) {
    constexpr std::string_view kSynthetic = "synthetic:";
    if (text == "auto") {
        return SourceChoice{SourceKind::kAuto, {}};
    }
    if (text == "connector") {
        return SourceChoice{SourceKind::kConnector, {}};
    }
    if (text == "procfs") {
        return SourceChoice{SourceKind::kProcfs, {}};
    }
    if (text.starts_with(kSynthetic)) {
        return parse_synthetic(text.substr(kSynthetic.size()));
    }
    return fmt::format("'{}' is no source: connector, procfs, auto or synthetic:RATE[,count=N]", text);
}

StartedSource start_source(const SourceChoice& choice, ProcessSink& sink, const Report& report) {
    switch (choice.kind) {
        case SourceKind::kConnector: {
            StartedSource started = try_start<ConnectorSource>(sink, report);
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
    StartedSource connector = try_start<ConnectorSource>(sink, report);
    if (connector.source) {
        return connector;
    }
    report(fmt::format("source: scanning /proc, which misses processes that live for less than about 10 ms, because {}",
                       connector.error.message));
    return try_start<ProcfsSource>(sink);
}

}  // namespace aegis::host::sources
