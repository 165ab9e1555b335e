// Lines for the operator, at a bounded rate: a hostile client can cause as many as it likes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string_view>

namespace aegis::host::server {

// Any thread.
class LineReport {
  public:
    explicit LineReport(std::function<void(std::string_view line)> write) : write_(std::move(write)) {}

    // Writes the line, or counts it when too many came in the last seconds; the count is written with
    // the next line that passes.
    void operator()(std::string_view line);

  private:
    static constexpr std::uint32_t kLinesAtOnce = 10;
    static constexpr std::chrono::seconds kInterval{5};

    std::function<void(std::string_view line)> write_;
    std::mutex mutex_;  // guards what follows, and keeps lines whole
    std::chrono::steady_clock::time_point interval_begin_{};
    std::uint32_t lines_ = 0;
    std::uint64_t suppressed_ = 0;
};

}  // namespace aegis::host::server
