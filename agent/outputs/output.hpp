// The one way to stdout: whole lines of several workers, and how long they took to get there.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "agent/outputs/latency.hpp"
#include "agent/port/port.hpp"

namespace aegis::agent {

// How the output ends when it had to be given up.
enum class LastLine : std::uint8_t {
    kWhole,
    kTakenBack,  // the piece of a line that was written has been removed again
    kBroken,     // it could not be
};

// Any thread.
class Output {
  public:
    // `port` outlives this.
    Output(Port& port, bool measure_latency) : port_(&port), measure_latency_(measure_latency) {}

    bool measures_latency() const { return measure_latency_; }

    struct Written {
        WriteStatus status;
        std::size_t bytes;  // of the lines: all of them with kWritten
    };

    // Writes `lines`, whole ones, which hold the events with these timestamps (empty unless measures_latency()). After
    // a status other than kWritten nothing is written any more, and every call returns that status; where stdout is a
    // file, it ends with a whole line then.
    Written write(std::string_view lines, std::span<const std::int64_t> timestamps);

    // Changes whenever stdout's reader takes something. Relaxed: only its change says something.
    std::uint64_t progress() const { return progress_.load(std::memory_order_relaxed); }

    // How the last write went. Only when no write runs.
    const WriteResult& result() const { return result_; }

    // Only when no write runs.
    LastLine last_line() const { return last_line_; }

    // Only when no write runs.
    LatencyReport latency() const { return latency_.report(); }

  private:
    void mend_last_line();

    Port* port_;
    const bool measure_latency_;
    std::atomic<std::uint64_t> progress_{0};
    std::mutex mutex_;  // one writer at a time; guards what follows
    WriteResult result_;
    std::size_t broken_ = 0;  // bytes written since the last newline
    LastLine last_line_ = LastLine::kWhole;
    LatencyRecorder latency_;
};

}  // namespace aegis::agent
