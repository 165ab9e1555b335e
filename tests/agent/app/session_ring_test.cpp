// The session over a real ring: what is printed, what is counted, how it ends.

#include <gtest/gtest.h>

#include <cstdint>
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

constexpr std::uint32_t kCells = test::kFewCells;

TEST(RingSession, PrintsWhatTheRingHeldAndWhatFollows) {
    FakeSystem system;
    system.publish_start({.pid = 5, .parent = 1, .creator = 1, .path = u"/bin/true"});
    SessionRun run(system, Options{});
    ASSERT_TRUE(system.wait_for_lines(1));
    system.publish_exit(5);
    ASSERT_TRUE(system.wait_for_lines(2));
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    EXPECT_EQ(system.output(),
              "[12:34:56.123] #1 CREATE pid=5 ppid=1 creator=1 /bin/true\n"
              "[12:34:56.123] #2 EXIT pid=5 true\n");
    EXPECT_TRUE(run.summary().starts_with("summary: delivered=2 lost=0 rate=")) << run.log().text();
}

// Catches: an option that changes nothing; the offset of another moment than the event's.
TEST(RingSession, PrintsLocalTimeWhenAsked) {
    FakeSystem system;
    system.publish(AEGIS_EVENT_PROCESS_EXIT, test::exit_payload(5), test::kSomeTime - 10'000'000);
    system.publish_exit(6);
    Options options;
    options.local_time = true;
    options.count = 2;
    EXPECT_EQ(SessionRun(system, options).wait(), ExitCode::kFinished);
    EXPECT_EQ(system.output(),
              "[13:34:55.123+01:00] #1 EXIT pid=5\n"
              "[14:34:56.123+02:00] #2 EXIT pid=6\n");
}

// Catches: a bell armed before the last look, or events left behind by the wakeup.
TEST(RingSession, WakesUpForEachEventItSleptBefore) {
    FakeSystem system;
    SessionRun run(system, Options{});
    for (std::uint32_t i = 1; i <= 50; ++i) {
        ASSERT_TRUE(system.wait_until_asleep()) << i;
        system.publish_exit(i);
        ASSERT_TRUE(system.wait_for_lines(i)) << i;
    }
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    EXPECT_EQ(system.signals(), 50U);
    EXPECT_NE(run.summary().find(" wakeups=50 "), std::string::npos) << run.summary();
}

// Catches: --from now that starts at the oldest.
TEST(RingSession, FromNowLeavesOutWhatWasThere) {
    FakeSystem system;
    system.publish_starts(1, 10);
    Options options;
    options.from = agent::StartAt::kNow;
    SessionRun run(system, options);
    ASSERT_TRUE(system.wait_until_asleep());
    system.publish_exit(99);
    ASSERT_TRUE(system.wait_for_lines(1));
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    EXPECT_EQ(system.output(), "[12:34:56.123] #11 EXIT pid=99\n");
}

// The reader of stdout takes nothing while the ring goes round three times. The agent has read one of 193 events by
// then; 129 are overwritten, and a quarter of the ring is given up as headroom: 2 to 146.
// Catches: a loss told at the end or not at all, with a wrong end, or counted as delivered.
TEST(RingSession, ALossIsToldWhereItHappened) {
    FakeSystem system;
    system.stall_output();
    system.publish_exit(1);
    SessionRun run(system, Options{});
    ASSERT_TRUE(system.wait_until_writing());
    system.publish_starts(1000, 3 * kCells);
    system.resume_output();
    ASSERT_TRUE(system.wait_for_lines(1 + 1 + 47));
    EXPECT_EQ(run.stop(), ExitCode::kFinished);

    std::istringstream lines(system.output());
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(line, "[12:34:56.123] #1 EXIT pid=1");
    std::getline(lines, line);
    EXPECT_EQ(line, "[12:34:56.123] LOST 145 events (#2..#146)");
    for (int sequence = 147; sequence <= 193; ++sequence) {
        std::getline(lines, line);
        EXPECT_TRUE(line.starts_with("[12:34:56.123] #" + std::to_string(sequence) + " CREATE ")) << line;
    }
    EXPECT_TRUE(run.summary().starts_with("summary: delivered=48 lost=145 ")) << run.summary();
    EXPECT_NE(run.summary().find(" max_lag=192"), std::string::npos) << run.summary();
}

TEST(RingSession, FailOnLossHasItsOwnExitCode) {
    FakeSystem system;
    system.stall_output();
    system.publish_exit(1);
    Options options;
    options.fail_on_loss = true;
    options.count = 2;
    SessionRun run(system, options);
    ASSERT_TRUE(system.wait_until_writing());
    system.publish_starts(1000, 3 * kCells);
    system.resume_output();
    EXPECT_EQ(run.wait(), ExitCode::kLost);
    EXPECT_EQ(system.output_lines(), 3U);
}

// Catches: an event too many or too few.
TEST(RingSession, CountEndsAfterExactlyThatManyEvents) {
    FakeSystem system;
    system.publish_starts(1, 20);
    Options options;
    options.count = 7;
    SessionRun run(system, options);
    EXPECT_EQ(run.wait(), ExitCode::kFinished);
    EXPECT_EQ(system.output_lines(), 7U);
    EXPECT_TRUE(run.summary().starts_with("summary: delivered=7 lost=0 ")) << run.log().text();
}

TEST(RingSession, CountIsReachedByEventsStillToCome) {
    FakeSystem system;
    system.publish_starts(1, 2);
    Options options;
    options.count = 3;
    SessionRun run(system, options);
    ASSERT_TRUE(system.wait_until_asleep());
    system.publish_starts(3, 2);
    EXPECT_EQ(run.wait(), ExitCode::kFinished);
    EXPECT_EQ(system.output_lines(), 3U);
}

TEST(RingSession, DurationEndsIt) {
    FakeSystem system;
    system.publish_starts(1, 3);
    Options options;
    options.duration_seconds = 0.05;
    SessionRun run(system, options);
    EXPECT_EQ(run.wait(), ExitCode::kFinished);
    EXPECT_EQ(system.output_lines(), 3U);
}

// Catches: a stop that leaves behind what was readable when it came.
TEST(RingSession, AStopDrainsWhatWasThere) {
    FakeSystem system;
    system.publish_starts(1, kCells);
    system.request_stop();
    SessionRun run(system, Options{});
    EXPECT_EQ(run.wait(), ExitCode::kFinished);
    EXPECT_EQ(system.output_lines(), kCells);
}

TEST(RingSession, DriverGoneWhileAsleepEndsItAfterADrain) {
    FakeSystem system;
    SessionRun run(system, Options{});
    ASSERT_TRUE(system.wait_until_asleep());
    system.kill_driver();
    EXPECT_EQ(run.wait(), ExitCode::kDriverGone);
    EXPECT_EQ(run.log().count("AegisMon went away"), 1U) << run.log().text();
    EXPECT_FALSE(run.summary().empty());
}

// Catches: leaving as soon as the driver is gone, with events still in the mapped ring.
TEST(RingSession, WhatTheRingHoldsIsStillReadWhenTheDriverIsGone) {
    FakeSystem system;
    system.stall_output();
    system.publish_starts(1, 1);
    SessionRun run(system, Options{});
    ASSERT_TRUE(system.wait_until_writing());
    system.publish_starts(2, 19);
    system.kill_driver();
    system.resume_output();
    EXPECT_EQ(run.wait(), ExitCode::kDriverGone);
    EXPECT_EQ(system.output_lines(), 20U);
}

// Catches: an agent that keeps its handle, and with it the driver; events left in the ring.
TEST(RingSession, ADriverThatIsStoppedIsReadToItsEndAndLetGo) {
    FakeSystem system;
    SessionRun run(system, Options{});
    ASSERT_TRUE(system.wait_until_asleep());
    system.publish_starts(1, 5);
    system.stop_driver();
    EXPECT_EQ(run.wait(), ExitCode::kDriverGone);
    EXPECT_EQ(system.output_lines(), 5U);
    EXPECT_EQ(run.log().count("AegisMon is being stopped"), 1U) << run.log().text();
    EXPECT_EQ(run.log().count("AegisMon went away"), 0U);
}

// The worker found the ring empty, and writes what it had, when more is published and then the stop comes.
// Catches: a stop that only a worker asleep learns of; what was published before it left unread, because an older look
// had found nothing.
TEST(RingSession, ABusyAgentLearnsThatTheDriverIsStopped) {
    FakeSystem system;
    system.stall_output();
    system.publish_starts(1, 1);
    SessionRun run(system, Options{});
    ASSERT_TRUE(system.wait_until_writing());
    system.publish_starts(2, 19);
    system.stop_driver();
    ASSERT_TRUE(system.wait_until_ending());
    system.resume_output();
    EXPECT_EQ(run.wait(), ExitCode::kDriverGone);
    EXPECT_EQ(system.output_lines(), 20U) << run.log().text() << system.output();
}

// A system that goes down asks for both.
// Catches: an agent that did what its user asked for, and reports a failure.
TEST(RingSession, AStopRequestWinsOverAStoppedDriver) {
    FakeSystem system;
    system.request_stop();
    system.stop_driver();
    SessionRun run(system, Options{});
    EXPECT_EQ(run.wait(), ExitCode::kFinished);
}

// Catches: sleeping on a ring that says that nothing will follow; reading on, or leaving the last events.
TEST(RingSession, AClosingRingIsReadToItsEnd) {
    FakeSystem system;
    system.publish_starts(1, 5);
    system.close_ring();
    SessionRun run(system, Options{});
    EXPECT_EQ(run.wait(), ExitCode::kDriverGone);
    EXPECT_EQ(system.output_lines(), 5U);
    EXPECT_EQ(run.log().count("AegisMon went away"), 1U);
}

// To a reader of the ring a driver that failed looks like one that closes; only the query tells.
// Catches: the query not asked; a failure reported as a driver that went away; events left in the ring.
TEST(RingSession, ADriverThatFailedIsReadToItsEndAndReported) {
    FakeSystem system;
    SessionRun run(system, Options{});
    ASSERT_TRUE(system.wait_until_asleep());
    system.on_query([](AEGIS_QUERY_REPLY& reply) {
        reply.State = AEGIS_RING_FAILED;
        // One more than the ring said when the last worker looked.
        reply.LostBefore[AEGIS_LOST_FAILED] = 4;
    });
    system.publish_starts(1, 5);
    system.lose(AEGIS_LOST_FAILED, 3);
    system.close_ring();
    EXPECT_EQ(run.wait(), ExitCode::kDriverGone);
    EXPECT_EQ(system.output_lines(), 5U + 1U);
    EXPECT_NE(system.output().find("LOST 3 events (failed)"), std::string::npos) << system.output();
    EXPECT_EQ(run.log().count("CRITICAL: the driver found itself broken"), 1U) << run.log().text();
    EXPECT_EQ(run.log().count("4 events were lost before the ring"), 1U);
    EXPECT_NE(run.summary().find(" lost=4 "), std::string::npos) << run.summary();
    EXPECT_EQ(run.log().count("AegisMon went away"), 0U);
}

// --health-interval: the look itself finds it, though nothing in the ring says so.
// Catches: a supervisor that does not look, or looks and goes on.
TEST(RingSession, TheHealthCheckFindsADriverThatFailed) {
    FakeSystem system;
    Options options;
    options.health_seconds = 1;
    SessionRun run(system, options);
    ASSERT_TRUE(system.wait_until_asleep());
    system.on_query([](AEGIS_QUERY_REPLY& reply) { reply.State = AEGIS_RING_FAILED; });
    EXPECT_EQ(run.wait(), ExitCode::kDriverGone);
    EXPECT_EQ(run.log().count("CRITICAL: the driver found itself broken"), 1U) << run.log().text();
}

// Catches: --health-interval without effect on a callback that is gone.
TEST(RingSession, TheHealthCheckFindsACallbackThatIsGone) {
    FakeSystem system;
    Options options;
    options.health_seconds = 1;
    SessionRun run(system, options);
    ASSERT_TRUE(system.wait_until_asleep());
    system.on_query([](AEGIS_QUERY_REPLY& reply) { reply.Callbacks[0].Registered = 0; });
    ASSERT_TRUE(run.log().wait_for("CRITICAL: the driver's process callback is no longer registered"));
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
}

TEST(RingSession, AMalformedEventIsSkippedAndCounted) {
    FakeSystem system;
    system.publish_starts(1, 1);
    system.publish_with_size(3);
    system.publish_with_size(2000);
    system.publish(AEGIS_EVENT_PROCESS_CREATE, {});
    system.publish_starts(5, 1);
    SessionRun run(system, Options{});
    ASSERT_TRUE(system.wait_for_lines(2));
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    EXPECT_EQ(run.log().count("skipped malformed event #2: type 2, size 3: shorter than an event header"), 1U);
    EXPECT_EQ(run.log().count("skipped malformed event #3: type 2, size 2000: its size reaches beyond"), 1U);
    EXPECT_EQ(run.log().count("skipped malformed event #4: type 1, size 16: payload too short for its type"), 1U);
    EXPECT_NE(run.summary().find("delivered=2 lost=0 "), std::string::npos) << run.summary();
    EXPECT_TRUE(run.summary().ends_with(" malformed=3")) << run.summary();
}

// Catches: a batch that wakes for every event, or one whose rest is never read.
TEST(RingSession, AWakeupBatchIsReadWhenItIsCompleteOrLate) {
    FakeSystem system;
    Options options;
    options.wakeup_batch = 8;
    SessionRun run(system, options);
    ASSERT_TRUE(system.wait_until_asleep());
    system.publish_starts(1, 20);
    ASSERT_TRUE(system.wait_for_lines(20));
    ASSERT_TRUE(system.wait_until_asleep());
    system.publish_starts(21, 3);
    ASSERT_TRUE(system.wait_for_lines(23));
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
}

TEST(RingSession, ABatchLargerThanTheRingIsCutDownAndSaid) {
    FakeSystem system;
    Options options;
    options.wakeup_batch = kCells;
    SessionRun run(system, options);
    ASSERT_TRUE(system.wait_until_asleep());
    system.publish_starts(1, kCells / 2);
    ASSERT_TRUE(system.wait_for_lines(kCells / 2));
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    EXPECT_EQ(run.log().count("--wakeup-batch 64"), 1U) << run.log().text();
}

TEST(RingSession, LatencyIsMeasuredFromTheTimestamp) {
    FakeSystem system;
    system.publish_starts(1, 4);
    Options options;
    options.measure_latency = true;
    options.count = 4;
    SessionRun run(system, options);
    EXPECT_EQ(run.wait(), ExitCode::kFinished);
    // The fake's clock stands 20,000 units of 100 ns behind every event.
    EXPECT_EQ(run.log().count("latency: median=2.000ms p99=2.000ms max=2.000ms samples=4"), 1U) << run.log().text();
}

TEST(RingSession, QuietSaysNothingWhenAllIsWell) {
    FakeSystem system;
    system.publish_starts(1, 1);
    Options options;
    options.quiet = true;
    options.count = 1;
    SessionRun run(system, options);
    EXPECT_EQ(run.wait(), ExitCode::kFinished);
    EXPECT_EQ(run.log().text(), "");
}

// Catches: --quiet that swallows what another option asked for.
TEST(RingSession, QuietLeavesWhatWasAskedForByName) {
    FakeSystem system;
    system.publish_starts(1, 1);
    Options options;
    options.quiet = true;
    options.measure_latency = true;
    options.count = 1;
    SessionRun run(system, options);
    EXPECT_EQ(run.wait(), ExitCode::kFinished);
    EXPECT_NE(run.log().text().find("latency: "), std::string::npos) << run.log().text();
    EXPECT_EQ(run.log().text().find("summary: "), std::string::npos) << run.log().text();
}

TEST(RingSession, StatisticsComeOnTheirOwn) {
    FakeSystem system;
    system.publish_starts(1, 3);
    Options options;
    options.stats = true;
    options.duration_seconds = 1.5;
    SessionRun run(system, options);
    EXPECT_EQ(run.wait(), ExitCode::kFinished);
    EXPECT_GE(run.log().count("stats: delivered=3 lost=0 rate="), 1U) << run.log().text();
}

}  // namespace
}  // namespace aegis
