#include "agent/timestamp.hpp"

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
