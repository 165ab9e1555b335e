// Several threads that share the ring: every event once, no thread left behind.

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <sstream>
#include <string>

#include "support/fake_system.hpp"
#include "support/session_run.hpp"

namespace aegis {
namespace {

using agent::ExitCode;
using agent::Options;
using test::FakeSystem;
using test::SessionRun;

constexpr std::uint32_t kManyCells = 4096;

Options with_consumers(std::uint32_t consumers) {
    Options options;
    options.consumers = consumers;
    return options;
}

struct Printed {
    std::set<std::uint64_t> sequences;  // of events and of losses
    std::uint64_t events = 0;
    std::uint64_t lost = 0;
};

// Fails the test when a sequence comes twice, or a line is no whole line.
Printed read_lines(const std::string& output) {
    Printed printed;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_EQ(line.front(), '[') << line;
        const std::uint64_t first = std::stoull(line.substr(line.find('#') + 1));
        std::uint64_t last = first;
        if (line.find("] LOST ") != std::string::npos) {
            last = std::stoull(line.substr(line.find("..#") + 3));
            printed.lost += last - first + 1;
        } else {
            ++printed.events;
        }
        for (std::uint64_t sequence = first; sequence <= last; ++sequence) {
            EXPECT_TRUE(printed.sequences.insert(sequence).second) << "twice: " << line;
        }
    }
    return printed;
}

// Catches: an event printed by two workers or by none; lines that run into each other.
TEST(GroupSession, EachEventIsPrintedOnce) {
    FakeSystem system(kManyCells);
    system.publish_starts(1, kManyCells);
    SessionRun run(system, with_consumers(4));
    ASSERT_TRUE(system.wait_for_lines(kManyCells));
    ASSERT_TRUE(system.wait_until_asleep());
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    const Printed printed = read_lines(system.output());
    EXPECT_EQ(printed.events, kManyCells);
    EXPECT_EQ(printed.sequences.size(), kManyCells);
}

// Catches: all workers resting, none on watch.
TEST(GroupSession, SomebodyAlwaysKeepsWatch) {
    FakeSystem system(kManyCells);
    SessionRun run(system, with_consumers(4));
    std::uint32_t published = 0;
    for (std::uint32_t burst = 1; burst <= 300; burst += 13) {
        ASSERT_TRUE(system.wait_until_asleep()) << burst;
        system.publish_starts(published + 1, burst);
        published += burst;
        ASSERT_TRUE(system.wait_for_lines(published)) << burst;
    }
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    EXPECT_EQ(read_lines(system.output()).events, published);
}

// A small ring under a producer that never waits. Whatever is lapped, and whoever finds out: each event is printed once
// or lost once.
TEST(GroupSession, LossesAreReportedOnce) {
    constexpr std::uint32_t kEvents = 20'000;
    FakeSystem system;
    Options options = with_consumers(3);
    SessionRun run(system, options);
    ASSERT_TRUE(system.wait_until_asleep());
    system.publish_starts(1, kEvents);
    ASSERT_TRUE(system.wait_until_asleep());
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    const Printed printed = read_lines(system.output());
    EXPECT_EQ(printed.events + printed.lost, kEvents);
    EXPECT_EQ(printed.sequences.size(), kEvents);
    EXPECT_EQ(*printed.sequences.rbegin(), kEvents);
    EXPECT_TRUE(run.summary().starts_with("summary: delivered=" + std::to_string(printed.events) +
                                          " lost=" + std::to_string(printed.lost) + " "))
        << run.summary();
}

// Catches: workers that each print what is left to print, or a worker that waits for ever for the last event.
TEST(GroupSession, CountHoldsForAllTogether) {
    for (std::uint64_t count = 1; count <= 10; ++count) {
        FakeSystem system;
        Options options = with_consumers(4);
        options.count = count;
        SessionRun run(system, options);
        for (std::uint32_t i = 1; i <= count; ++i) {
            system.publish_exit(i);
        }
        system.publish_starts(100, 20);
        ASSERT_EQ(run.wait(), ExitCode::kFinished);
        EXPECT_EQ(system.output_lines(), count);
    }
}

// Catches: workers that leave one on watch although nobody else may print, or the reverse.
TEST(GroupSession, CountIsReachedThoughTheOthersHaveLeft) {
    FakeSystem system;
    Options options = with_consumers(4);
    options.count = 2;
    SessionRun run(system, options);
    ASSERT_TRUE(system.wait_until_asleep());
    system.publish_exit(1);
    ASSERT_TRUE(system.wait_for_lines(1));
    ASSERT_TRUE(system.wait_until_asleep());
    system.publish_exit(2);
    EXPECT_EQ(run.wait(), ExitCode::kFinished);
    EXPECT_EQ(system.output_lines(), 2U);
}

// Catches: resting workers that nobody wakes at the end.
TEST(GroupSession, AStopReachesRestingWorkers) {
    FakeSystem system;
    SessionRun run(system, with_consumers(8));
    ASSERT_TRUE(system.wait_until_asleep());
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
}

TEST(GroupSession, DriverGoneReachesRestingWorkers) {
    FakeSystem system;
    SessionRun run(system, with_consumers(8));
    ASSERT_TRUE(system.wait_until_asleep());
    system.kill_driver();
    EXPECT_EQ(run.wait(), ExitCode::kDriverGone);
    EXPECT_EQ(run.log().count("AegisMon went away"), 1U);
}

}  // namespace
}  // namespace aegis
