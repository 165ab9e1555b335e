// Reading by pull: the same lines, the same counts, the same ends.

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "support/fake_system.hpp"
#include "support/session_run.hpp"

namespace aegis {
namespace {

using agent::ExitCode;
using agent::Options;
using client::IoStatus;
using test::FakeSystem;
using test::SessionRun;

constexpr std::uint32_t kManyCells = 1024;

Options by_pull() {
    Options options;
    options.transport = agent::Transport::kPull;
    options.poll_ms = 1;
    return options;
}

TEST(PullSession, PrintsWhatTheRingHeldAndWhatFollows) {
    FakeSystem system;
    system.publish_start({.pid = 5, .parent = 1, .creator = 1, .path = u"/bin/true"});
    SessionRun run(system, by_pull());
    ASSERT_TRUE(system.wait_for_lines(1));
    system.publish_exit(5);
    ASSERT_TRUE(system.wait_for_lines(2));
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    EXPECT_EQ(system.output(),
              "[12:34:56.123] #1 CREATE pid=5 ppid=1 creator=1 /bin/true\n"
              "[12:34:56.123] #2 EXIT pid=5 true\n");
    EXPECT_EQ(system.signals(), 0U);
}

// The driver refuses the mapping, so an agent that comes later pulls what is kept.
// Catches: a session that begins, and goes on without ever seeing another event: no health check ends it.
TEST(PullSession, ADriverThatHasFailedIsDrainedAndReported) {
    FakeSystem system;
    system.publish_starts(1, 3);
    system.refuse(AEGIS_IOCTL_RING_SETUP, {IoStatus::kFailed, 0, 0xC0000183});
    system.on_query([](AEGIS_QUERY_REPLY& reply) { reply.State = AEGIS_RING_FAILED; });
    Options options;
    options.poll_ms = 1;
    options.health_seconds = 0;
    SessionRun run(system, options);
    EXPECT_EQ(run.wait(), ExitCode::kDriverGone);
    EXPECT_EQ(system.output_lines(), 3U);
    EXPECT_EQ(run.log().count("CRITICAL: the driver found itself broken"), 1U) << run.log().text();
    EXPECT_EQ(run.log().count("reading by pull"), 1U);
    EXPECT_EQ(run.log().count("AegisMon went away"), 0U);
}

// Catches: a pause between full buffers: with this poll time only the first would come.
TEST(PullSession, FullBuffersFollowEachOtherWithoutAPause) {
    FakeSystem system(kManyCells);
    system.publish_starts(1, kManyCells);
    Options options = by_pull();
    options.poll_ms = 60'000;
    SessionRun run(system, options);
    ASSERT_TRUE(system.wait_for_lines(kManyCells));
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    EXPECT_NE(run.summary().find("delivered=1024 lost=0 "), std::string::npos) << run.summary();
    EXPECT_TRUE(run.summary().ends_with(" max_lag=1024")) << run.summary();
}

// Catches: leaving without a last look at what is queued.
TEST(PullSession, AStopDrainsWhatWasThere) {
    FakeSystem system(kManyCells);
    Options options = by_pull();
    options.poll_ms = 60'000;
    system.publish_exit(1);
    SessionRun run(system, options);
    ASSERT_TRUE(system.wait_for_lines(1));
    system.publish_starts(2, 500);
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    EXPECT_EQ(system.output_lines(), 501U);
}

TEST(PullSession, FromNowLeavesOutWhatWasThere) {
    FakeSystem system;
    system.publish_starts(1, 10);
    Options options = by_pull();
    options.from = agent::StartAt::kNow;
    options.count = 1;
    // The driver answers the first query before it publishes the next event.
    system.on_query([](AEGIS_QUERY_REPLY& reply) { reply.Published = 10; });
    system.publish_exit(99);
    SessionRun run(system, options);
    EXPECT_EQ(run.wait(), ExitCode::kFinished);
    EXPECT_EQ(system.output(), "[12:34:56.123] #11 EXIT pid=99\n");
}

// Catches: a gap that is not told, or told with the 32-bit numbers of another turn.
TEST(PullSession, AGapIsToldWhereItHappened) {
    FakeSystem system;
    system.stall_output();
    system.publish_exit(1);
    SessionRun run(system, by_pull());
    ASSERT_TRUE(system.wait_until_writing());
    system.publish_starts(1000, 3 * test::kFewCells);
    system.resume_output();
    ASSERT_TRUE(system.wait_for_lines(1 + 1 + 47));
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    EXPECT_TRUE(
        system.output().starts_with("[12:34:56.123] #1 EXIT pid=1\n"
                                    "[12:34:56.123] LOST 145 events (#2..#146)\n"
                                    "[12:34:56.123] #147 CREATE "))
        << system.output();
    EXPECT_TRUE(run.summary().starts_with("summary: delivered=48 lost=145 ")) << run.summary();
}

// What is overwritten between opening the handle and the first pull leaves no gap between two events: only the driver's
// own count tells. Here the driver says that it has lost five before the first event it hands out.
// Catches: a first event taken for the beginning.
TEST(PullSession, ALossBeforeTheFirstEventIsTold) {
    FakeSystem system;
    system.publish_starts(1, test::kFewCells + 5);
    system.on_query([](AEGIS_QUERY_REPLY& reply) {
        if (reply.Consumers[0].Transport == AEGIS_TRANSPORT_PULL) {
            reply.Consumers[0].Lost += 5;
        }
    });
    Options options = by_pull();
    options.count = 1;
    options.fail_on_loss = true;
    SessionRun run(system, options);
    EXPECT_EQ(run.wait(), ExitCode::kLost);
    EXPECT_TRUE(system.output().starts_with("[12:34:56.123] LOST 5 events (#18..#22)\n[12:34:56.123] #23 CREATE "))
        << system.output();
}

// Catches: a whole buffer skipped because of one bad event in it.
TEST(PullSession, AMalformedEventIsSkippedAndCounted) {
    FakeSystem system;
    system.publish_starts(1, 1);
    system.publish(AEGIS_EVENT_PROCESS_CREATE, [] {
        std::vector<std::byte> payload = test::full_payload({.pid = 2});
        payload[offsetof(AEGIS_PROCESS_PAYLOAD, ImagePathLength) + 1] = std::byte{0xFF};
        return payload;
    }());
    system.publish_starts(3, 1);
    SessionRun run(system, by_pull());
    ASSERT_TRUE(system.wait_for_lines(2));
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    EXPECT_EQ(run.log().count("skipped malformed event #2: type 1, size 1056: image path longer"), 1U)
        << run.log().text();
    EXPECT_TRUE(run.summary().ends_with(" malformed=1")) << run.summary();
    EXPECT_NE(run.summary().find("delivered=2 lost=0 "), std::string::npos) << run.summary();
}

// Behind an event without a possible size nothing can be found; what follows shows as a gap.
TEST(PullSession, AnEventWithoutASizeEndsItsBuffer) {
    FakeSystem system;
    system.publish_starts(1, 1);
    system.publish_with_size(3);
    SessionRun run(system, by_pull());
    ASSERT_TRUE(system.wait_for_lines(1));
    while (run.log().count("skipped malformed event #2") == 0) {
        std::this_thread::yield();
    }
    system.publish_starts(3, 1);
    ASSERT_TRUE(system.wait_for_lines(2));
    EXPECT_EQ(run.stop(), ExitCode::kFinished);
    EXPECT_EQ(run.log().count("skipped malformed event #2: type 2, size 3: shorter than an event header"), 1U);
}

TEST(PullSession, DriverGoneEndsIt) {
    FakeSystem system;
    system.publish_starts(1, 1);
    SessionRun run(system, by_pull());
    ASSERT_TRUE(system.wait_for_lines(1));
    system.kill_driver();
    EXPECT_EQ(run.wait(), ExitCode::kDriverGone);
    EXPECT_EQ(run.log().count("AegisMon went away"), 1U);
}

// Catches: a pause that goes on, and with it the handle that keeps the driver; events left behind.
TEST(PullSession, ADriverThatIsStoppedIsDrainedAndLetGo) {
    FakeSystem system;
    system.publish_starts(1, 1);
    Options options = by_pull();
    options.poll_ms = 60'000;
    SessionRun run(system, options);
    ASSERT_TRUE(system.wait_for_lines(1));
    system.publish_starts(2, 4);
    system.stop_driver();
    EXPECT_EQ(run.wait(), ExitCode::kDriverGone);
    EXPECT_EQ(system.output_lines(), 5U);
    EXPECT_EQ(run.log().count("AegisMon is being stopped"), 1U) << run.log().text();
}

TEST(PullSession, ARefusedPullIsARuntimeFailure) {
    FakeSystem system;
    system.refuse(AEGIS_IOCTL_GET_EVENTS, {IoStatus::kFailed, 0, 17});
    SessionRun run(system, by_pull());
    EXPECT_EQ(run.wait(), ExitCode::kRuntimeFailure);
    EXPECT_EQ(run.log().count("IOCTL_AEGIS_GET_EVENTS failed: code 17"), 1U) << run.log().text();
}

}  // namespace
}  // namespace aegis
