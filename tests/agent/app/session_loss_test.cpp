// Losses before the ring: told in the stream, in their place, once.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "support/fake_system.hpp"
#include "support/session_run.hpp"

namespace aegis {
namespace {

using agent::ExitCode;
using agent::Options;
using test::FakeSystem;
using test::SessionRun;

constexpr std::uint32_t kManySlots = 4096;

Options strict() {
    Options options;
    options.fail_on_loss = true;
    return options;
}

Options by_pull(Options options) {
    options.transport = agent::Transport::kPull;
    options.poll_ms = 1;
    return options;
}

std::vector<std::string> lines_of(const std::string& output) {
    std::istringstream stream(output);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

// The sum of what LOST lines without a sequence say.
std::uint64_t lost_in(const std::string& output) {
    std::uint64_t lost = 0;
    for (const std::string& line : lines_of(output)) {
        const std::size_t at = line.find("] LOST ");
        lost += at != std::string::npos ? std::stoull(line.substr(at + 7)) : 0;
    }
    return lost;
}

// No event comes after it, and none before.
// Catches: a loss that is told with the next event only, or at the end only, or not at all; not counted, not failed on.
TEST(SessionLoss, IsToldToOneWhoSleeps) {
    FakeSystem system;
    SessionRun run(system, strict());
    ASSERT_TRUE(system.wait_until_asleep());
    system.lose(AEGIS_LOST_SOURCE, 85'080);
    ASSERT_TRUE(system.wait_for_lines(1));
    ASSERT_TRUE(system.wait_until_asleep());
    EXPECT_EQ(system.output(), "[12:34:56.125] LOST 85080 events (source)\n");
    system.publish_exit(1);
    ASSERT_TRUE(system.wait_for_lines(2));
    EXPECT_EQ(run.stop(), ExitCode::kLost);
    EXPECT_EQ(system.output_lines(), 2U);
    EXPECT_TRUE(run.summary().starts_with("summary: delivered=1 lost=85080 ")) << run.summary();
}

// Catches: a reason that is left out, or takes another one's name.
TEST(SessionLoss, OfEveryReasonIsToldByEitherTransport) {
    for (const bool pull : {false, true}) {
        FakeSystem system;
        system.publish_exit(1);
        SessionRun run(system, pull ? by_pull({}) : Options{});
        ASSERT_TRUE(system.wait_for_lines(1));
        std::size_t lines = 1;
        const std::vector<std::string> words{"oversize", "closing", "failed", "source"};
        for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
            system.lose(reason, reason + 5);
            ASSERT_TRUE(system.wait_for_lines(++lines)) << reason;
            EXPECT_EQ(lines_of(system.output()).back(),
                      "[12:34:56.123] LOST " + std::to_string(reason + 5) + " events (" + words[reason] + ")");
        }
        EXPECT_EQ(run.stop(), ExitCode::kFinished);
        EXPECT_TRUE(run.summary().starts_with("summary: delivered=1 lost=26 ")) << run.summary();
    }
}

// Catches: a baseline of zero.
TEST(SessionLoss, FromBeforeTheAgentCameIsSaidAndNotItsOwn) {
    for (const bool pull : {false, true}) {
        FakeSystem system;
        system.lose(AEGIS_LOST_SOURCE, 7);
        system.publish_exit(1);
        Options options = strict();
        options.count = 1;
        SessionRun run(system, pull ? by_pull(options) : options);
        EXPECT_EQ(run.wait(), ExitCode::kFinished);
        EXPECT_EQ(system.output_lines(), 1U);
        EXPECT_TRUE(run.summary().starts_with("summary: delivered=1 lost=0 ")) << run.summary();
        EXPECT_EQ(run.log().count("note: 7 events were lost before this agent came"), 1U) << run.log().text();
    }
}

// An agent that is always behind never drains the ring. This one finds 1,501 events, looks at the counters while it
// reads, and is held up in its first large write until 1,500 more are there.
// Catches: the look left out while there is something to read; a loss told before the events that came before it.
TEST(SessionLoss, IsToldBetweenTheEventsOfABacklog) {
    FakeSystem system(kManySlots);
    system.stall_output();
    system.publish_exit(1);
    SessionRun run(system, Options{});
    ASSERT_TRUE(system.wait_until_writing());
    system.publish_starts(1000, 1500);
    system.lose(AEGIS_LOST_SOURCE, 3);
    const std::string first = "[12:34:56.123] #1 EXIT pid=1\n";
    system.stall_output_at(first.size() + 1);
    system.resume_output();
    ASSERT_TRUE(system.wait_for_lines(2));
    ASSERT_TRUE(system.wait_until_writing());
    system.publish_starts(3000, 1500);
    system.resume_output();
    ASSERT_TRUE(system.wait_for_lines(3002));
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    const std::vector<std::string> lines = lines_of(system.output());
    // The first 64th ticket behind the 1,501st event.
    EXPECT_EQ(lines[1536], "[12:34:56.123] LOST 3 events (source)");
    EXPECT_TRUE(lines[1537].starts_with("[12:34:56.123] #1537 ")) << lines[1537];
}

// --count is used up by the event; the loss came after the worker's look before it, and rang no bell.
// Catches: the last look left out.
TEST(SessionLoss, IsToldByTheLastLook) {
    FakeSystem system;
    system.publish_exit(1);
    Options options = strict();
    options.count = 2;
    SessionRun run(system, options);
    ASSERT_TRUE(system.wait_for_lines(1));
    ASSERT_TRUE(system.wait_until_asleep());
    system.ring_header()->LostBefore[AEGIS_LOST_OVERSIZE] = 7;
    system.publish_exit(2);
    EXPECT_EQ(run.wait(), ExitCode::kLost);
    EXPECT_EQ(system.output(),
              "[12:34:56.123] #1 EXIT pid=1\n"
              "[12:34:56.123] #2 EXIT pid=2\n"
              "[12:34:56.123] LOST 7 events (oversize)\n");
}

// Whoever of the workers notices it. Catches: each worker telling what all of them see.
TEST(SessionLoss, IsToldOnceByWorkersTogether) {
    FakeSystem system(kManySlots);
    Options options;
    options.consumers = 4;
    SessionRun run(system, options);
    std::uint64_t lost = 0;
    std::uint32_t published = 0;
    for (std::uint32_t round = 1; round <= 100; ++round) {
        ASSERT_TRUE(system.wait_until_asleep()) << round;
        system.publish_starts(published + 1, round);
        published += round;
        system.lose(AEGIS_LOST_SOURCE, round);
        lost += round;
        system.lose(AEGIS_LOST_OVERSIZE, 1);
        lost += 1;
    }
    ASSERT_TRUE(system.wait_until_asleep());
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    EXPECT_EQ(lost_in(system.output()), lost);
    EXPECT_TRUE(run.summary().starts_with("summary: delivered=" + std::to_string(published) +
                                          " lost=" + std::to_string(lost) + " "))
        << run.summary();
}

// Catches: an edge the producer is about to reach, or a start that is not said.
TEST(SessionStart, InARingThatWentRoundHasHeadroomAndIsNoLoss) {
    for (const bool pull : {false, true}) {
        FakeSystem system;
        system.publish_starts(1, 100);
        Options options = strict();
        options.count = 47;
        SessionRun run(system, pull ? by_pull(options) : options);
        EXPECT_EQ(run.wait(), ExitCode::kFinished);
        // 64 cells hold #37 to #100; a quarter of them is left to the producer, and one that may be in the making.
        EXPECT_TRUE(system.output().starts_with("[12:34:56.123] #54 ")) << system.output();
        EXPECT_EQ(system.output_lines(), 47U);
        EXPECT_TRUE(run.summary().starts_with("summary: delivered=47 lost=0 ")) << run.summary();
        EXPECT_EQ(run.log().count("note: starts with event #54"), 1U) << run.log().text();
    }
}

}  // namespace
}  // namespace aegis
