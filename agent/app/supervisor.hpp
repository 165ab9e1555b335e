// The main thread's part while workers read: stop requests, the duration, statistics, health.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "agent/app/counters.hpp"
#include "agent/app/health.hpp"
#include "agent/app/log.hpp"
#include "agent/app/reading.hpp"
#include "agent/app/run_control.hpp"
#include "agent/config/options.hpp"
#include "agent/outputs/output.hpp"
#include "agent/port/port.hpp"

namespace aegis::agent {

// Sleeps until something is due: with neither --stats nor --duration that is the health query alone.
class Supervisor {
  public:
    struct Parts {
        Port* port;
        aegis_client* client;
        Log* log;
        RunControl* control;
        Reading* reading;
        Output* output;
        HealthWatch* health;
        const std::deque<Counters>* counters;
    };

    Supervisor(const Parts& parts, const Options& options);

    // Returns when all workers have left.
    void run();

    // Asks the driver for its health now; what it says is on the log. Ends the session when no event can follow. False
    // when the driver does not answer.
    bool look_at_health();

    // As policy_line, of the policy in force now.
    std::string policy_line() const;

    // What the driver lost since the last look is not known.
    bool health_unknown() const { return unanswered_; }

    Totals totals() const;
    // From construction to the return of run().
    std::chrono::nanoseconds elapsed() const { return elapsed_; }

  private:
    using Clock = std::chrono::steady_clock;
    using Deadline = std::optional<Clock::time_point>;

    Timeout time_to_next_deadline() const;
    // For a health query that is made now: it does not outlast the session.
    std::int32_t request_limit_ms() const;
    void handle_deadlines();
    void print_statistics();
    void wait_for_workers();
    void end_if_driver_failed();

    Parts parts_;
    Clock::time_point begin_;
    std::chrono::nanoseconds elapsed_{0};
    std::chrono::seconds health_interval_;
    std::chrono::seconds request_limit_;
    bool unanswered_ = false;  // the last health query; said so
    Deadline end_;
    Deadline next_health_;
    Deadline next_statistics_;
    bool policy_statistics_;  // there is a policy of this agent to tell of
    std::uint64_t delivered_at_last_statistics_ = 0;
    Clock::time_point last_statistics_;
};

// For the end of a line of numbers: only where there is something to say.
std::string unwritten_note(const Totals& totals);

// Events per second, rounded down; 0 for no time at all.
std::uint64_t rate(std::uint64_t events, std::chrono::nanoseconds time);

}  // namespace aegis::agent
