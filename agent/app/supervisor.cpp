#include "agent/app/supervisor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/app/policy.hpp"

namespace aegis::agent {
namespace {

constexpr std::chrono::seconds kStatisticsInterval{1};
// After a stop, how long stdout's reader may take nothing before its lines are given up.
constexpr std::chrono::seconds kOutputPatience{2};

}  // namespace

std::uint64_t rate(std::uint64_t events, std::chrono::nanoseconds time) {
    const double seconds = std::chrono::duration<double>(time).count();
    return seconds > 0 ? static_cast<std::uint64_t>(static_cast<double>(events) / seconds) : 0;
}

std::string unwritten_note(const Totals& totals) {
    return totals.unwritten != 0 ? fmt::format(" unwritten={}", totals.unwritten) : "";
}

Supervisor::Supervisor(const Parts& parts, const Options& options)
    : parts_(parts),
      begin_(Clock::now()),
      health_interval_(options.health_seconds),
      request_limit_(options.request_seconds),
      policy_statistics_(!options.policy_path.empty()),
      last_statistics_(begin_) {
    if (options.duration_seconds) {
        end_ = begin_ +
               std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*options.duration_seconds));
    }
    if (options.health_seconds != 0) {
        next_health_ = begin_ + health_interval_;
    }
    if (options.stats) {
        next_statistics_ = begin_ + kStatisticsInterval;
    }
}

void Supervisor::run() {
    end_if_driver_failed();
    bool interrupted = false;
    while (!interrupted) {
        switch (parts_.port->wait_interrupt(time_to_next_deadline())) {
            case InterruptStatus::kTimeout:
                handle_deadlines();
                break;
            case InterruptStatus::kInterrupted:
                interrupted = true;
                break;
            case InterruptStatus::kOutputClosed:
                parts_.control->end(EndCause::kOutput, RunControl::kAtOnce);
                break;
        }
    }
    // Otherwise a worker or a deadline has interrupted, and has said why.
    const bool stopping = aegis_stopping(parts_.client) > 0;
    if (parts_.port->stop_requested() || stopping) {
        parts_.control->end_interrupted(stopping, parts_.reading->published());
    }
    wait_for_workers();
    elapsed_ = Clock::now() - begin_;
}

void Supervisor::wait_for_workers() {
    std::uint64_t progress = parts_.output->progress();
    while (!parts_.control->wait_until_left(kOutputPatience)) {
        const std::uint64_t now = parts_.output->progress();
        if (now == progress) {
            parts_.port->abandon_output();
        }
        progress = now;
    }
}

Timeout Supervisor::time_to_next_deadline() const {
    Deadline first;
    for (const Deadline& deadline : {end_, next_health_, next_statistics_}) {
        if (deadline && (!first || *deadline < *first)) {
            first = deadline;
        }
    }
    if (!first) {
        return std::nullopt;
    }
    return std::max<std::chrono::nanoseconds>(*first - Clock::now(), std::chrono::nanoseconds(0));
}

void Supervisor::handle_deadlines() {
    const Clock::time_point now = Clock::now();
    if (next_statistics_ && now >= *next_statistics_) {
        print_statistics();
        next_statistics_ = now + kStatisticsInterval;
    }
    if (next_health_ && now >= *next_health_) {
        look_at_health();
        next_health_ = now + health_interval_;
    }
    if (end_ && now >= *end_) {
        parts_.control->end(EndCause::kDuration, parts_.reading->published());
    }
}

bool Supervisor::look_at_health() {
    AEGIS_QUERY_REPLY reply;
    const std::int32_t result = aegis_query(parts_.client, &reply, sizeof(reply), request_limit_ms());
    std::optional<Failure> failure;
    if (result != AEGIS_OK) {
        failure = client_failure(result);
    }
    if (!failure) {
        if (std::exchange(unanswered_, false)) {
            parts_.log->note("the driver answers again");
        }
        parts_.health->look(reply);
        end_if_driver_failed();
    } else if (failure->exit_code == ExitCode::kNoAnswer || failure->exit_code == ExitCode::kFinished) {
        if (!std::exchange(unanswered_, true)) {
            parts_.log->warning(fmt::format("the driver's health and losses are unknown: {}", failure->message));
        }
    } else if (failure->exit_code == ExitCode::kDriverGone) {
        parts_.control->end(EndCause::kDriverGone, RunControl::kNoLimit - 1);
    } else {
        parts_.log->warning(fmt::format("the driver's health is unknown: {}", failure->message));
    }
    return !failure;
}

std::int32_t Supervisor::request_limit_ms() const {
    const Patience patience(request_limit_, end_);
    const auto limit = std::max<std::chrono::nanoseconds>(patience.for_request(), kGraceAtTheEnd);
    return static_cast<std::int32_t>(std::chrono::ceil<std::chrono::milliseconds>(limit).count());
}

// What was published before is still read.
void Supervisor::end_if_driver_failed() {
    if (parts_.health->driver_failed()) {
        parts_.control->end(EndCause::kDriverGone, RunControl::kNoLimit - 1);
    }
}

void Supervisor::print_statistics() {
    const Totals now = totals();
    const Clock::time_point time = Clock::now();
    const std::uint64_t delivered = now.delivered - delivered_at_last_statistics_;
    parts_.log->report_on_request(fmt::format("stats: delivered={} lost={} rate={}/s lag={}{}", now.delivered, now.lost,
                                              rate(delivered, time - last_statistics_), parts_.reading->lag(),
                                              unwritten_note(now)));
    if (policy_statistics_) {
        if (const std::string line = policy_line(); !line.empty()) {
            parts_.log->report_on_request(line);
        }
    }
    delivered_at_last_statistics_ = now.delivered;
    last_statistics_ = time;
}

std::string Supervisor::policy_line() const {
    return agent::policy_line(parts_.client, request_limit_ms());
}

Totals Supervisor::totals() const {
    Totals totals;
    for (const Counters& counters : *parts_.counters) {
        counters.add_to(totals);
    }
    aegis_stats stats = {};
    stats.size = sizeof(stats);
    aegis_stats_of(parts_.client, &stats);
    totals.wakeups = stats.wakeups;
    totals.max_lag = stats.max_lag;
    return totals;
}

}  // namespace aegis::agent
