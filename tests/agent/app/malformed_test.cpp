#include "agent/app/malformed.hpp"

#include <gtest/gtest.h>

#include "support/captured_log.hpp"

namespace aegis {
namespace {

using agent::DecodeError;
using agent::MalformedReporter;
using Time = std::chrono::steady_clock::time_point;

constexpr AEGIS_EVENT_HEADER kHeader = {.Size = 20, .Type = 1, .Sequence = 0, .Timestamp = 0};

TEST(MalformedReporter, SaysWhichEventAndWhy) {
    test::CapturedLog log;
    MalformedReporter reporter(log);
    reporter.report(4294967297, kHeader, DecodeError::kPayloadTooShort, Time{} + std::chrono::hours(1));
    ASSERT_EQ(log.lines().size(), 1U);
    EXPECT_EQ(log.lines().front(),
              "agent: warning: skipped malformed event #4294967297: type 1, size 20: payload too short for its type");
}

// Catches: a flood on stderr, or events that are neither told nor counted.
TEST(MalformedReporter, AFloodIsCountedInsteadOfTold) {
    test::CapturedLog log;
    MalformedReporter reporter(log);
    const Time now = Time{} + std::chrono::hours(1);
    for (std::uint64_t i = 0; i < 25; ++i) {
        reporter.report(i, kHeader, DecodeError::kPathTooLong, now);
    }
    EXPECT_EQ(log.count("malformed event #"), MalformedReporter::kLinesPerInterval);
    EXPECT_EQ(log.count("more malformed events"), 0U);

    reporter.report(25, kHeader, DecodeError::kPathTooLong, now + MalformedReporter::kInterval);
    EXPECT_EQ(log.count("skipped 15 more malformed events"), 1U);
    EXPECT_EQ(log.count("malformed event #25"), 1U);

    reporter.finish();
    EXPECT_EQ(log.count("more malformed events"), 1U) << "nothing was left to tell";
}

TEST(MalformedReporter, TheEndTellsWhatWasCounted) {
    test::CapturedLog log;
    MalformedReporter reporter(log);
    for (std::uint64_t i = 0; i < MalformedReporter::kLinesPerInterval + 2; ++i) {
        reporter.report(i, kHeader, DecodeError::kPathTooLong, Time{} + std::chrono::hours(1));
    }
    reporter.finish();
    EXPECT_EQ(log.count("skipped 2 more malformed events"), 1U);
}

}  // namespace
}  // namespace aegis
