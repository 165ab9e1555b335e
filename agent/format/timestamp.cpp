#include "agent/format/timestamp.hpp"

#include <fmt/compile.h>

#include <chrono>
#include <cstdlib>
#include <span>
#include <string_view>

namespace aegis::agent {
namespace {

constexpr std::size_t kClockLength = 8;  // hh:mm:ss
constexpr std::size_t kFractionDigits = 7;
constexpr std::size_t kMillisecondDigits = 3;

// The first `digits` of the seven digits of a second's fraction, rounded down.
void append_fraction(Lines& lines, std::uint32_t units, std::size_t digits) {
    char text[kFractionDigits];
    for (std::size_t i = kFractionDigits; i-- > 0; units /= 10) {
        text[i] = static_cast<char>('0' + units % 10);
    }
    append(lines, {text, digits});
}

// +02:00; the seconds that some zones had before standard time as well. Returns the length.
std::size_t format_zone(std::int32_t offset, std::span<char> zone) {
    const std::int32_t seconds = std::abs(offset);
    auto end = fmt::format_to_n(zone.data(), zone.size(), FMT_COMPILE("{}{:02}:{:02}"), offset < 0 ? '-' : '+',
                                seconds / 3600, seconds / 60 % 60);
    if (seconds % 60 == 0) {
        return end.size;
    }
    const std::size_t length = end.size;
    end = fmt::format_to_n(end.out, zone.size() - length, FMT_COMPILE(":{:02}"), seconds % 60);
    return length + end.size;
}

}  // namespace

std::uint32_t TimestampFormatter::enter_second_of(std::int64_t filetime) {
    // Rounded towards the past, so that the fraction is never negative, whatever a driver puts there.
    std::int64_t second = filetime / kFileTimePerSecond;
    std::int64_t units = filetime % kFileTimePerSecond;
    if (units < 0) {
        units += kFileTimePerSecond;
        --second;
    }
    if (second != second_) {
        using std::chrono::days;
        using std::chrono::seconds;
        constexpr std::chrono::sys_days kEpoch{std::chrono::year{1601} / 1 / 1};
        const std::int32_t offset = utc_offset_ ? utc_offset_(filetime) : 0;
        const seconds shown(second + offset);
        const days day = std::chrono::floor<days>(shown);
        const std::chrono::year_month_day date{kEpoch + day};
        const std::chrono::hh_mm_ss time{shown - day};
        const auto end = fmt::format_to_n(text_, sizeof(text_), FMT_COMPILE("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}"),
                                          static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                                          static_cast<unsigned>(date.day()), time.hours().count(),
                                          time.minutes().count(), time.seconds().count());
        length_ = end.size;
        zone_length_ = utc_offset_ ? format_zone(offset, zone_) : 0;
        second_ = second;
    }
    return static_cast<std::uint32_t>(units);
}

void TimestampFormatter::append_iso(Lines& lines, std::int64_t filetime) {
    const std::uint32_t units = enter_second_of(filetime);
    append(lines, {text_, length_});
    append(lines, ".");
    append_fraction(lines, units, kFractionDigits);
    append(lines, utc_offset_ ? std::string_view(zone_, zone_length_) : "Z");
}

void TimestampFormatter::append_clock(Lines& lines, std::int64_t filetime) {
    const std::uint32_t units = enter_second_of(filetime);
    append(lines, {text_ + length_ - kClockLength, kClockLength});
    append(lines, ".");
    append_fraction(lines, units, kMillisecondDigits);
    append(lines, {zone_, zone_length_});
}

}  // namespace aegis::agent
