#include "agent/outputs/latency.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace aegis {
namespace {

TEST(Latency, NothingMeasuredIsAllZero) {
    const agent::LatencyReport report = agent::LatencyRecorder().report();
    EXPECT_EQ(report.samples, 0U);
    EXPECT_EQ(report.max, 0);
}

TEST(Latency, OneSampleIsEveryPercentile) {
    agent::LatencyRecorder recorder;
    recorder.add(7);
    const agent::LatencyReport report = recorder.report();
    EXPECT_EQ(report.median, 7);
    EXPECT_EQ(report.p99, 7);
    EXPECT_EQ(report.max, 7);
}

// Catches: a rank that is off by one, or samples that must come sorted.
TEST(Latency, PercentilesAreNearestRank) {
    agent::LatencyRecorder recorder;
    for (std::int64_t i = 200; i > 0; --i) {
        recorder.add(i);
    }
    const agent::LatencyReport report = recorder.report();
    EXPECT_EQ(report.samples, 200U);
    EXPECT_EQ(report.median, 100);
    EXPECT_EQ(report.p99, 198);
    EXPECT_EQ(report.max, 200);
}

TEST(Latency, AClockSetBackCountsAsNoTime) {
    agent::LatencyRecorder recorder;
    recorder.add(-5);
    EXPECT_EQ(recorder.report().median, 0);
}

// Catches: samples beyond the capacity that are dropped (the first half would decide) or a maximum that is sampled.
TEST(Latency, BeyondItsCapacityItStillSeesEverything) {
    agent::LatencyRecorder recorder;
    for (std::size_t i = 0; i < agent::LatencyRecorder::kCapacity; ++i) {
        recorder.add(10);
    }
    recorder.add(1'000'000);
    for (std::size_t i = 0; i < 3 * agent::LatencyRecorder::kCapacity; ++i) {
        recorder.add(20);
    }
    const agent::LatencyReport report = recorder.report();
    EXPECT_EQ(report.samples, 4 * agent::LatencyRecorder::kCapacity + 1);
    EXPECT_EQ(report.median, 20);
    EXPECT_EQ(report.max, 1'000'000);
}

}  // namespace
}  // namespace aegis
