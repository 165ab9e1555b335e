#include "agent/app/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "agent/app/counters.hpp"
#include "agent/app/health.hpp"
#include "agent/app/malformed.hpp"
#include "agent/app/policy.hpp"
#include "agent/app/printer.hpp"
#include "agent/app/reading.hpp"
#include "agent/app/run_control.hpp"
#include "agent/app/supervisor.hpp"
#include "agent/events/process_details.hpp"
#include "agent/events/process_table.hpp"
#include "agent/format/ndjson_formatter.hpp"
#include "agent/format/text_formatter.hpp"
#include "agent/outputs/output.hpp"

namespace aegis::agent {
namespace {

// For the end of an error message.
std::string_view about_last_line(LastLine last_line) {
    switch (last_line) {
        case LastLine::kWhole:
            return "";
        case LastLine::kTakenBack:
            return "; the piece of a line that was written was taken back";
        case LastLine::kBroken:
            return "; the last line there is incomplete";
    }
    return "";
}

// What opening the driver gave.
struct Opened {
    Client client;
    aegis_info info = {};
    AEGIS_QUERY_REPLY at_open = {};  // before any event was read
    std::uint64_t policy = 0;        // the generation of the policy that this agent has set; 0: none
};

class Session {
  public:
    Session(Port& port, Log& log, const Options& options, const Opened& opened)
        : port_(port),
          log_(log),
          options_(options),
          opened_(opened),
          output_(port, options.measure_latency),
          malformed_(log),
          health_(log, opened.at_open, opened.policy),
          workers_(opened.info.transport == AEGIS_TRANSPORT_RING ? options.consumers : 1),
          control_(port, workers_, options.count) {}

    // Reads until the end; the exit code is what reading alone gives.
    ExitCode run();

  private:
    void make_printers();
    std::unique_ptr<Formatter> make_formatter();
    void note_limits();
    void read(Reading& reading, Supervisor& supervisor);
    void count_late_losses();
    void report(const Supervisor& supervisor);
    ExitCode conclude(const Supervisor& supervisor);
    bool reader_has_left() const;
    std::optional<ExitCode> conclude_output();

    Port& port_;
    Log& log_;
    const Options& options_;
    const Opened& opened_;
    Output output_;
    MalformedReporter malformed_;
    HealthWatch health_;
    ProcessTable processes_;  // shared by the workers
    PendingDetails details_;  // likewise
    const std::size_t workers_;
    RunControl control_;
    std::deque<Counters> counters_;  // one per worker, and the session's own; a deque, because they cannot be moved
    std::vector<std::unique_ptr<Printer>> printers_;
};

ExitCode Session::run() {
    make_printers();
    note_limits();
    aegis_client* const client = opened_.client.get();
    Reading reading({&port_, &log_, &control_, client, &printers_, options_.from == StartAt::kOldest});
    Supervisor supervisor({&port_, client, &log_, &control_, &reading, &output_, &health_, &counters_}, options_);
    read(reading, supervisor);
    malformed_.finish();
    // A driver that failed is still there to say so, though its ring looks like that of one that went away.
    const bool driver_answers = supervisor.look_at_health();
    count_late_losses();
    if (control_.cause() == EndCause::kDriverGone && !health_.driver_failed()) {
        const bool is_stopping = driver_answers && aegis_stopping(client) > 0;
        log_.error(fmt::format("AegisMon {}: no further event can come; start it again, then this agent",
                               is_stopping ? "is being stopped" : "went away"));
    }
    report(supervisor);
    return conclude(supervisor);
}

void Session::read(Reading& reading, Supervisor& supervisor) {
    std::vector<std::jthread> threads;
    try {
        while (threads.size() < workers_) {
            threads.emplace_back([&reading, worker = threads.size()] { reading.run(worker); });
        }
    } catch (const std::system_error& error) {
        log_.error(fmt::format("cannot start a reading thread: {}; try fewer --consumers", error.what()));
        control_.end(EndCause::kFailed, RunControl::kAtOnce);
        for (std::size_t missing = threads.size(); missing < workers_; ++missing) {
            control_.leave();
        }
    }
    supervisor.run();
    // Workers that leave on their own have printed what --count asked for.
    control_.end(EndCause::kCount, RunControl::kAtOnce);
}

// What the driver lost after the last worker had looked, while the agent was leaving: said by the look at its health,
// and too late for a line.
void Session::count_late_losses() {
    aegis_stats told = {};
    told.size = sizeof(told);
    aegis_stats_of(opened_.client.get(), &told);
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        const std::uint64_t known = opened_.at_open.LostBefore[reason] + told.lost_before[reason];
        counters_.back().add_lost(std::max(health_.last().LostBefore[reason], known) - known);
    }
}

void Session::make_printers() {
    for (std::size_t worker = 0; worker < workers_; ++worker) {
        counters_.emplace_back();
        printers_.push_back(
            std::make_unique<Printer>(port_, output_, malformed_, counters_.back(), details_, make_formatter()));
    }
    counters_.emplace_back();
}

std::unique_ptr<Formatter> Session::make_formatter() {
    auto users = std::make_unique<UserNames>([this](std::span<const std::byte> sid) { return port_.user_name(sid); });
    if (options_.output == OutputFormat::kText) {
        UtcOffset utc_offset;
        if (options_.local_time) {
            utc_offset = [this](std::int64_t filetime) { return port_.utc_offset(filetime); };
        }
        return std::make_unique<TextFormatter>(processes_, std::move(utc_offset), std::move(users));
    }
    SessionId session;
    std::copy_n(opened_.info.session_id, session.size(), session.begin());
    return std::make_unique<NdjsonFormatter>(session, port_.host_name(), processes_, port_.dos_paths(),
                                             std::move(users));
}

// Where the library had to use something else than was asked for.
void Session::note_limits() {
    if (opened_.info.transport != AEGIS_TRANSPORT_RING) {
        if (options_.consumers > 1) {
            log_.note("one thread reads: --consumers shares the ring only");
        }
    } else if (options_.wakeup_batch > opened_.info.wakeup_batch) {
        log_.note(fmt::format("--wakeup-batch {} is more than half of what the ring keeps for sure; using {}",
                              options_.wakeup_batch, opened_.info.wakeup_batch));
    }
}

void Session::report(const Supervisor& supervisor) {
    // Who closed the pipe has seen what it wanted: `agent | head -5` ends without a word, unless numbers were asked
    // for.
    if (reader_has_left() && !options_.stats && !options_.fail_on_loss) {
        return;
    }
    if (options_.measure_latency) {
        const LatencyReport latency = output_.latency();
        constexpr double kUnitsPerMillisecond = 10'000;
        log_.report_on_request(fmt::format("latency: median={:.3f}ms p99={:.3f}ms max={:.3f}ms samples={}",
                                           static_cast<double>(latency.median) / kUnitsPerMillisecond,
                                           static_cast<double>(latency.p99) / kUnitsPerMillisecond,
                                           static_cast<double>(latency.max) / kUnitsPerMillisecond, latency.samples));
    }
    const Totals totals = supervisor.totals();
    const std::string malformed = totals.malformed != 0 ? fmt::format(" malformed={}", totals.malformed) : "";
    const std::string joined = totals.joined != 0 ? fmt::format(" joined={}", totals.joined) : "";
    if (opened_.policy != 0) {
        if (const std::string line = supervisor.policy_line(); !line.empty()) {
            log_.report(line);
        }
    }
    if (const std::uint64_t forgotten = processes_.crowded_out() + details_.forgotten(); forgotten != 0) {
        log_.report(fmt::format("{} times something known of a process was forgotten for want of room", forgotten));
    }
    log_.report(fmt::format("summary: delivered={} lost={} rate={}/s wakeups={} max_lag={}{}{}{}", totals.delivered,
                            totals.lost, rate(totals.delivered, supervisor.elapsed()), totals.wakeups, totals.max_lag,
                            joined, malformed, unwritten_note(totals)));
}

// Found out by a write, or by the system before one.
bool Session::reader_has_left() const {
    const WriteStatus status = output_.result().status;
    return status == WriteStatus::kClosed || (status == WriteStatus::kWritten && control_.cause() == EndCause::kOutput);
}

std::optional<ExitCode> Session::conclude_output() {
    switch (output_.result().status) {
        case WriteStatus::kWritten:
        case WriteStatus::kClosed:
            return std::nullopt;
        case WriteStatus::kFailed:
            log_.error(fmt::format("cannot write to standard output: {}{}; make room there or name another place",
                                   output_.result().error, about_last_line(output_.last_line())));
            break;
        case WriteStatus::kAbandoned:
            log_.error(fmt::format(
                "standard output: its reader took nothing while the agent was asked to end; lines are missing{}",
                about_last_line(output_.last_line())));
            break;
    }
    return ExitCode::kRuntimeFailure;
}

ExitCode Session::conclude(const Supervisor& supervisor) {
    if (const std::optional<ExitCode> code = conclude_output()) {
        return *code;
    }
    if (control_.cause() == EndCause::kFailed) {
        return ExitCode::kRuntimeFailure;
    }
    if (control_.cause() == EndCause::kDriverGone) {
        return ExitCode::kDriverGone;
    }
    if (control_.left_unread()) {
        return ExitCode::kNoAnswer;
    }
    const Totals totals = supervisor.totals();
    if (options_.fail_on_loss && (totals.lost != 0 || totals.unwritten != 0)) {
        return ExitCode::kLost;
    }
    if (options_.fail_on_loss && supervisor.health_unknown()) {
        return ExitCode::kNoAnswer;
    }
    return ExitCode::kFinished;
}

// An agent that was told to protect itself and cannot has not done what it was started for.
std::optional<Failure> protect(aegis_client* client, Log& log) {
    const std::int32_t result = aegis_protect(client, AEGIS_FOREVER);
    if (result != AEGIS_OK) {
        Failure failure = client_failure(result);
        failure.message =
            fmt::format("this agent is not protected: {}; leave --protect out to run without", failure.message);
        return failure;
    }
    log.note("this agent is protected: others get no right to end, suspend or change it");
    return std::nullopt;
}

// --duration ends a session that does not even begin, but a short one leaves the time that opening takes.
Patience patience_for_opening(const Options& options) {
    constexpr double kLeastForConnecting = 2;
    constexpr double kLeastForStartingAHost = 10;
    const std::chrono::seconds request(options.request_seconds);
    if (!options.duration_seconds) {
        return Patience(request);
    }
    const double least = options.device.path.empty() ? kLeastForStartingAHost : kLeastForConnecting;
    const std::chrono::duration<double> time(std::max(*options.duration_seconds, least));
    return Patience(request, Patience::Clock::now() + std::chrono::duration_cast<std::chrono::nanoseconds>(time));
}

std::optional<Failure> open(Port& port, Log& log, const Options& options, Opened& opened) {
    const Patience patience = patience_for_opening(options);
    aegis_options reading = {};
    reading.size = sizeof(reading);
    reading.transport = options.transport == Transport::kPull ? AEGIS_TRANSPORT_PULL : AEGIS_TRANSPORT_AUTO;
    reading.start = options.from == StartAt::kNow ? AEGIS_START_NOW : AEGIS_START_KEPT;
    reading.request_ms = patience.request_ms();
    reading.wakeup_batch = options.wakeup_batch;
    reading.poll_ms = options.poll_ms;
    if (auto failure = port.open_driver(options.device, reading, patience, log, opened.client)) {
        return failure;
    }
    const aegis_client* const client = opened.client.get();
    opened.info.size = sizeof(opened.info);
    std::uint64_t stop_signal = 0;
    for (const std::int32_t result : {aegis_info_of(client, &opened.info), aegis_stop_signal(client, &stop_signal),
                                      aegis_at_open(client, &opened.at_open, sizeof(opened.at_open))}) {
        if (result != AEGIS_OK) {
            return client_failure(result);
        }
    }
    port.interrupt_by(stop_signal);
    if (opened.info.not_watched != nullptr) {
        log.note(fmt::format("the service AegisMon is not watched: {}; end this agent before you stop the driver",
                             opened.info.not_watched));
    }
    if (opened.info.not_ring != nullptr) {
        log.warning(fmt::format("the ring cannot be mapped: {}; reading by pull every {} ms instead",
                                opened.info.not_ring, options.poll_ms));
    }
    return std::nullopt;
}

}  // namespace

ExitCode run_session(Port& port, Log& log, const Options& options) {
    std::vector<std::byte> policy;
    if (!options.policy_path.empty()) {
        // Before anything is opened: a file that is wrong costs no host its start.
        if (const std::optional<Failure> failure = load_policy(options.policy_path, log, policy)) {
            log.error(failure->message);
            return failure->exit_code;
        }
    }
    Opened opened;
    ExitCode code = ExitCode::kFinished;
    std::optional<Failure> failure = open(port, log, options, opened);
    if (!failure && !policy.empty()) {
        failure = set_policy(opened.client.get(), log, policy, opened.policy);
    }
    if (!failure && options.protect) {
        failure = protect(opened.client.get(), log);
    }
    if (failure) {
        code = failure->exit_code;
        if (code == ExitCode::kFinished) {
            log.note(failure->message);
        } else {
            log.error(failure->message);
        }
    } else {
        code = Session(port, log, options, opened).run();
    }
    opened.client.reset();
    if (const std::optional<Failure> at_end = port.close_driver()) {
        log.error(at_end->message);
        const bool fine = code == ExitCode::kFinished || code == ExitCode::kLost;
        code = fine ? at_end->exit_code : code;
    }
    return code;
}

}  // namespace aegis::agent
