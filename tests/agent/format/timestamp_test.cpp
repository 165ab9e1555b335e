#include "agent/format/timestamp.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace aegis {
namespace {

std::string iso(agent::TimestampFormatter& formatter, std::int64_t filetime) {
    agent::Lines lines;
    formatter.append_iso(lines, filetime);
    return fmt::to_string(lines);
}

std::string clock(agent::TimestampFormatter& formatter, std::int64_t filetime) {
    agent::Lines lines;
    formatter.append_clock(lines, filetime);
    return fmt::to_string(lines);
}

// The right column is from the calendar, not from the code.
TEST(Timestamp, KnownMoments) {
    agent::TimestampFormatter formatter;
    EXPECT_EQ(iso(formatter, 0), "1601-01-01T00:00:00.0000000Z");
    EXPECT_EQ(iso(formatter, 116444736000000000), "1970-01-01T00:00:00.0000000Z");
    EXPECT_EQ(iso(formatter, 133590404961234567), "2024-05-01T12:34:56.1234567Z");
    EXPECT_EQ(iso(formatter, 125963423999999999), "2000-02-29T23:59:59.9999999Z");
    EXPECT_EQ(iso(formatter, 125963424000000000), "2000-03-01T00:00:00.0000000Z");
}

TEST(Timestamp, ClockIsTheTimeOfDayInMilliseconds) {
    agent::TimestampFormatter formatter;
    EXPECT_EQ(clock(formatter, 133590404961234567), "12:34:56.123");
    EXPECT_EQ(clock(formatter, 133590404969999999), "12:34:56.999");
}

// Catches: a cached second that outlives its second, or that is keyed by the fraction.
TEST(Timestamp, RememberedSecondIsLeftWhenTimeMovesEitherWay) {
    agent::TimestampFormatter formatter;
    EXPECT_EQ(clock(formatter, 133590404961234567), "12:34:56.123");
    EXPECT_EQ(clock(formatter, 133590404969999999), "12:34:56.999");
    EXPECT_EQ(clock(formatter, 133590404970000000), "12:34:57.000");
    EXPECT_EQ(clock(formatter, 133590404961234567), "12:34:56.123");
}

std::string local_clock(std::int32_t offset, std::int64_t filetime) {
    agent::TimestampFormatter formatter([offset](std::int64_t) { return offset; });
    return clock(formatter, filetime);
}

// Catches: a wrong sign, minutes of a negative offset counted from the wrong side, a day that is not left.
TEST(Timestamp, LocalTimeHasItsDistanceFromUtc) {
    constexpr std::int64_t kNoon = 133590404961234567;  // 12:34:56.1234567
    EXPECT_EQ(local_clock(0, kNoon), "12:34:56.123+00:00");
    EXPECT_EQ(local_clock(2 * 3600, kNoon), "14:34:56.123+02:00");
    EXPECT_EQ(local_clock(-(3 * 3600 + 30 * 60), kNoon), "09:04:56.123-03:30");
    EXPECT_EQ(local_clock(14 * 3600, kNoon), "02:34:56.123+14:00");
    EXPECT_EQ(local_clock(-12 * 3600, 0), "12:00:00.000-12:00");
    EXPECT_EQ(local_clock(19 * 60 + 32, kNoon), "12:54:28.123+00:19:32");
    agent::TimestampFormatter formatter([](std::int64_t) { return 14 * 3600; });
    EXPECT_EQ(iso(formatter, kNoon), "2024-05-02T02:34:56.1234567+14:00");
}

// Summer time begins and ends. Catches: an offset that is asked for once only, or for another moment.
TEST(Timestamp, TheOffsetIsThatOfTheMoment) {
    constexpr std::int64_t kChange = 133590404970000000;
    agent::TimestampFormatter formatter([](std::int64_t time) { return time < kChange ? 3600 : 7200; });
    EXPECT_EQ(clock(formatter, kChange - 1), "13:34:56.999+01:00");
    EXPECT_EQ(clock(formatter, kChange), "14:34:57.000+02:00");
    EXPECT_EQ(clock(formatter, kChange - 1), "13:34:56.999+01:00");
}

// Catches: a negative fraction, or a buffer too small for a year no driver should send.
TEST(Timestamp, AnyNumberIsFormatted) {
    agent::TimestampFormatter formatter;
    EXPECT_EQ(iso(formatter, -1), "1600-12-31T23:59:59.9999999Z");
    EXPECT_EQ(clock(formatter, -1), "23:59:59.999");
    EXPECT_EQ(iso(formatter, std::numeric_limits<std::int64_t>::max()), "30828-09-14T02:48:05.4775807Z");
    EXPECT_EQ(iso(formatter, std::numeric_limits<std::int64_t>::min()), "-27627-04-19T21:11:54.5224192Z");
}

}  // namespace
}  // namespace aegis
