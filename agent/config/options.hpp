// The command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "agent/config/exit_code.hpp"
#include "agent/port/port.hpp"

namespace aegis::agent {

enum class Transport : std::uint8_t {
    kRing,  // mapped memory; pull when it cannot be mapped
    kPull,  // IOCTL_AEGIS_GET_EVENTS
};

enum class OutputFormat : std::uint8_t { kText, kNdjson };

enum class StartAt : std::uint8_t {
    kOldest,  // everything the ring still holds
    kNow,     // only what is published after the agent has started
};

struct Options {
    Transport transport = Transport::kRing;
    OutputFormat output = OutputFormat::kText;
    StartAt from = StartAt::kOldest;
    std::optional<double> duration_seconds;
    std::uint64_t count = 0;             // events to print; 0: no limit
    std::uint32_t wakeup_batch = 1;      // events that must wait before a sleeping agent is woken
    std::uint32_t consumers = 1;         // work-sharing threads
    std::uint32_t poll_ms = 200;         // pull only
    std::uint32_t health_seconds = 30;   // between two health queries; 0: none
    std::uint32_t request_seconds = 10;  // for the driver's answer to a request
    bool fail_on_loss = false;
    bool quiet = false;
    bool stats = false;
    bool local_time = false;  // of text lines
    bool measure_latency = false;
    bool list_holders = false;  // and nothing else
    std::string policy_path;    // of a policy to set; empty: none
    bool protect = false;       // this process
    DeviceChoice device;
};

// The command line asked for something else than a run: text for stdout (help, version) or for stderr (usage error).
struct EarlyExit {
    ExitCode code = ExitCode::kFinished;
    std::string text;
};

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv, const PlatformFacts& platform);

}  // namespace aegis::agent
