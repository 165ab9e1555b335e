// Says what is wrong with events that cannot be decoded, without letting a broken driver fill the terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

#include "agent/app/log.hpp"
#include "agent/events/decode.hpp"

namespace aegis::agent {

// Any thread.
class MalformedReporter {
  public:
    static constexpr std::uint64_t kLinesPerInterval = 10;
    static constexpr std::chrono::seconds kInterval{1};

    explicit MalformedReporter(Log& log) : log_(&log) {}

    // One line for this event, unless kLinesPerInterval have been written lately; then it is counted, and the count
    // is told before the next line.
    void report(std::uint64_t sequence, const AEGIS_EVENT_HEADER& header, DecodeError error,
                std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now());

    // At the end: tells what has been counted and not told yet.
    void finish();

  private:
    void tell_hidden();

    Log* log_;
    std::mutex mutex_;  // guards everything below
    std::chrono::steady_clock::time_point interval_start_{};
    std::uint64_t lines_ = 0;
    std::uint64_t hidden_ = 0;
};

}  // namespace aegis::agent
