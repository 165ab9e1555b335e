// What the session does when stdout takes no more.

#include <gtest/gtest.h>

#include "support/fake_system.hpp"
#include "support/session_run.hpp"

namespace aegis {
namespace {

using agent::ExitCode;
using agent::Options;
using agent::WriteStatus;
using test::FakeSystem;
using test::SessionRun;

// Catches: an error that is repeated for each write, or swallowed; reading on without an output.
TEST(SessionOutput, AFailedWriteIsOneErrorAndEndsTheRun) {
    FakeSystem system;
    system.break_output({WriteStatus::kFailed, 0, "No space left on device (errno 28)"});
    system.publish_starts(1, 40);
    SessionRun run(system, Options{});
    EXPECT_EQ(run.wait(), ExitCode::kRuntimeFailure);
    EXPECT_EQ(run.log().count("cannot write to standard output: No space left on device (errno 28)"), 1U)
        << run.log().text();
    EXPECT_EQ(run.log().count("error"), 1U) << run.log().text();
    EXPECT_TRUE(run.summary().starts_with("summary: delivered=0 ")) << run.summary();
}

TEST(SessionOutput, AFailedLastWriteIsAnErrorToo) {
    FakeSystem system;
    system.publish_starts(1, 1);
    Options options;
    options.count = 1;
    system.break_output({WriteStatus::kFailed, 0, "disk"});
    EXPECT_EQ(SessionRun(system, options).wait(), ExitCode::kRuntimeFailure);
}

// Catches: half a line left in a file, or more than that taken back; a broken line that nobody mentions.
TEST(SessionOutput, AFileEndsWithAWholeLineWhereverTheDiskIsFull) {
    constexpr std::string_view kLine = "[12:34:56.123] #1 CREATE pid=1 ppid=1 creator=1 /bin/p1\n";
    for (std::size_t room = 0; room <= 3 * kLine.size(); ++room) {
        FakeSystem system;
        system.break_output({WriteStatus::kFailed, 0, "disk"}, room);
        system.publish_starts(1, 9);
        SessionRun run(system, Options{});
        EXPECT_EQ(run.wait(), ExitCode::kRuntimeFailure);
        const std::string output = system.output();
        EXPECT_EQ(output.size(), room / kLine.size() * kLine.size()) << room;
        EXPECT_TRUE(output.empty() || output.ends_with('\n')) << output;
        EXPECT_EQ(run.log().count("cannot write to standard output: disk"), 1U);
        EXPECT_EQ(run.log().count("was taken back"), room % kLine.size() != 0 ? 1U : 0U) << room;
    }
}

TEST(SessionOutput, ABrokenLineThatCannotBeTakenBackIsMentioned) {
    FakeSystem system;
    system.break_output({WriteStatus::kFailed, 0, "disk"}, 70);
    system.keep_output();
    system.publish_starts(1, 9);
    SessionRun run(system, Options{});
    EXPECT_EQ(run.wait(), ExitCode::kRuntimeFailure);
    EXPECT_EQ(system.output().size(), 70U);
    EXPECT_EQ(run.log().count("disk; the last line there is incomplete; make room there"), 1U) << run.log().text();
}

// `agent | head -5` is no error, and nothing to talk about.
TEST(SessionOutput, AClosedPipeEndsTheRunQuietly) {
    FakeSystem system;
    system.break_output({WriteStatus::kClosed, 0, {}});
    system.publish_starts(1, 40);
    SessionRun run(system, Options{});
    EXPECT_EQ(run.wait(), ExitCode::kFinished);
    EXPECT_EQ(run.log().text(), "");
}

TEST(SessionOutput, AClosedPipeEndsAllConsumersAndPull) {
    for (const bool pull : {false, true}) {
        FakeSystem system;
        system.break_output({WriteStatus::kClosed, 0, {}});
        system.publish_starts(1, 40);
        Options options;
        options.consumers = pull ? 1 : 4;
        options.transport = pull ? agent::Transport::kPull : agent::Transport::kRing;
        EXPECT_EQ(SessionRun(system, options).wait(), ExitCode::kFinished);
    }
}

// Catches: a stop that waits for ever for a reader that takes nothing, or lines given up without a word.
TEST(SessionOutput, AReaderThatTakesNothingCannotHoldUpAStop) {
    FakeSystem system;
    system.stall_output();
    system.publish_starts(1, 1);
    SessionRun run(system, Options{});
    ASSERT_TRUE(system.wait_until_writing());
    EXPECT_EQ(run.stop(), ExitCode::kRuntimeFailure);
    EXPECT_EQ(run.log().count("standard output: its reader took nothing"), 1U) << run.log().text();
}

}  // namespace
}  // namespace aegis
