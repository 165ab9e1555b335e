// Event timestamps as text: UTC, or local time with its distance from UTC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>

#include "agent/events/lines.hpp"

namespace aegis::agent {

inline constexpr std::int64_t kFileTimePerSecond = 10'000'000;  // a FILETIME counts 100 ns since 1601-01-01

// As Port::utc_offset.
using UtcOffset = std::function<std::int32_t(std::int64_t filetime)>;

// Remembers the text of the second it formatted last: neighbouring events share it. Not thread-safe.
class TimestampFormatter {
  public:
    // Without `utc_offset`: UTC.
    explicit TimestampFormatter(UtcOffset utc_offset = nullptr) : utc_offset_(std::move(utc_offset)) {}

    // 2024-05-01T12:34:56.1234567Z, or …+02:00
    void append_iso(Lines& lines, std::int64_t filetime);

    // 12:34:56.123, or 14:34:56.123+02:00
    void append_clock(Lines& lines, std::int64_t filetime);

  private:
    // The 100 ns units within the second, after the cached text is that of the second.
    std::uint32_t enter_second_of(std::int64_t filetime);

    UtcOffset utc_offset_;
    std::int64_t second_ = std::numeric_limits<std::int64_t>::min();
    char text_[32] = {};  // 2024-05-01T12:34:56
    std::size_t length_ = 0;
    char zone_[16] = {};  // +02:00; empty: UTC
    std::size_t zone_length_ = 0;
};

}  // namespace aegis::agent
