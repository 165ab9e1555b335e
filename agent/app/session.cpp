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
#include "agent/app/printer.hpp"
#include "agent/app/run_control.hpp"
#include "agent/app/supervisor.hpp"
#include "agent/client/channel.hpp"
#include "agent/client/loss_watch.hpp"
#include "agent/client/pull_stream.hpp"
#include "agent/client/ring_stream.hpp"
#include "agent/events/process_table.hpp"
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

class Session {
  public:
    Session(Port& port, Log& log, const Options& options, Channel& channel)
        : port_(port),
          log_(log),
          options_(options),
          channel_(channel),
          output_(port, options.measure_latency),
          malformed_(log),
          health_(log, channel.at_open),
          losses_(loss_counters(channel.at_open)),
          workers_(channel.ring ? options.consumers : 1),
          control_(port, workers_, options.count) {}

    // Reads until the end; the exit code is what reading alone gives.
    ExitCode run();

  private:
    void make_printers();
    std::unique_ptr<Formatter> make_formatter();
    std::unique_ptr<EventStream> make_stream();
    std::uint64_t wakeup_batch();
    void read(EventStream& stream, Supervisor& supervisor);
    void count_late_losses();
    void report(const Supervisor& supervisor);
    ExitCode conclude(const Supervisor& supervisor);
    bool reader_has_left() const;
    std::optional<ExitCode> conclude_output();

    Port& port_;
    Log& log_;
    const Options& options_;
    Channel& channel_;
    Output output_;
    MalformedReporter malformed_;
    HealthWatch health_;
    LossWatch losses_;
    ProcessTable processes_;  // shared by the workers
    const std::size_t workers_;
    RunControl control_;
    std::deque<Counters> counters_;  // one per worker, and the session's own; a deque, because they cannot be moved
    std::vector<std::unique_ptr<Printer>> printers_;
};

ExitCode Session::run() {
    make_printers();
    const std::unique_ptr<EventStream> stream = make_stream();
    Supervisor supervisor(
        {&port_, channel_.device.get(), &log_, &control_, stream.get(), &output_, &health_, &counters_}, options_);
    read(*stream, supervisor);
    malformed_.finish();
    // A driver that failed is still there to say so, though its ring looks like that of one that went away.
    const bool driver_answers = supervisor.look_at_health();
    count_late_losses();
    if (control_.cause() == EndCause::kDriverGone && !health_.driver_failed()) {
        const bool is_stopping = driver_answers && channel_.device->driver_is_stopping();
        log_.error(fmt::format("AegisMon {}: no further event can come; start it again, then this agent",
                               is_stopping ? "is being stopped" : "went away"));
    }
    report(supervisor);
    return conclude(supervisor);
}

void Session::read(EventStream& stream, Supervisor& supervisor) {
    std::vector<std::jthread> threads;
    try {
        while (threads.size() < workers_) {
            threads.emplace_back([&stream, worker = threads.size()] { stream.run(worker); });
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
    for (const std::uint64_t grown : losses_.take(loss_counters(health_.last()))) {
        counters_.back().add_lost(grown);
    }
}

void Session::make_printers() {
    for (std::size_t worker = 0; worker < workers_; ++worker) {
        counters_.emplace_back();
        printers_.push_back(std::make_unique<Printer>(port_, output_, malformed_, counters_.back(), make_formatter()));
    }
    counters_.emplace_back();
}

std::unique_ptr<Formatter> Session::make_formatter() {
    if (options_.output == OutputFormat::kText) {
        UtcOffset utc_offset;
        if (options_.local_time) {
            utc_offset = [this](std::int64_t filetime) { return port_.utc_offset(filetime); };
        }
        return std::make_unique<TextFormatter>(processes_, std::move(utc_offset));
    }
    return std::make_unique<NdjsonFormatter>(channel_.session, port_.host_name(), processes_, port_.dos_paths());
}

std::unique_ptr<EventStream> Session::make_stream() {
    if (channel_.ring) {
        const ring::RingMemory<>& memory = channel_.ring->memory;
        const ring::Beginning start = options_.from == StartAt::kOldest
                                          ? ring::oldest_event(memory, ring::Headroom::kSome)
                                          : ring::next_event(memory);
        if (options_.from == StartAt::kOldest) {
            say_where_it_starts(log_, start.ticket);
        }
        return std::make_unique<RingStream>(
            RingStream::Setup{channel_.device.get(), *channel_.ring, start, wakeup_batch(), &losses_}, control_,
            printers_);
    }
    if (options_.consumers > 1) {
        log_.note("one thread reads: --consumers shares the ring only");
    }
    return std::make_unique<PullStream>(
        PullStream::Setup{&port_, channel_.device.get(), &log_, std::chrono::milliseconds(options_.poll_ms),
                          options_.from, channel_.at_open.Published, std::chrono::seconds(options_.request_seconds),
                          &losses_},
        control_, *printers_.front());
}

// A bell that rings when the ring is full rings too late.
std::uint64_t Session::wakeup_batch() {
    const ring::RingMemory<>& memory = channel_.ring->memory;
    const std::uint64_t most = std::max<std::uint64_t>(memory.cell_count() / memory.most_cells() / 2, 1);
    if (options_.wakeup_batch > most) {
        log_.note(fmt::format("--wakeup-batch {} is more than half of what the ring keeps for sure; using {}",
                              options_.wakeup_batch, most));
    }
    return std::min<std::uint64_t>(options_.wakeup_batch, most);
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
    log_.report(fmt::format("summary: delivered={} lost={} rate={}/s wakeups={} max_lag={}{}{}", totals.delivered,
                            totals.lost, rate(totals.delivered, supervisor.elapsed()), totals.wakeups, totals.max_lag,
                            malformed, unwritten_note(totals)));
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

}  // namespace

ExitCode run_session(Port& port, Log& log, const Options& options) {
    Channel channel;
    ExitCode code = ExitCode::kFinished;
    if (const std::optional<Failure> failure = open_channel(port, log, options, channel)) {
        code = failure->exit_code;
        if (code == ExitCode::kFinished) {
            log.note(failure->message);
        } else {
            log.error(failure->message);
        }
    } else {
        code = Session(port, log, options, channel).run();
    }
    if (channel.device != nullptr) {
        if (const std::optional<Failure> failure = channel.device->close()) {
            log.error(failure->message);
            const bool fine = code == ExitCode::kFinished || code == ExitCode::kLost;
            code = fine ? failure->exit_code : code;
        }
    }
    return code;
}

}  // namespace aegis::agent
