#include "agent/port/linux/interrupt_event.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace aegis {
namespace {

bool is_readable(int descriptor) {
    pollfd fds = {descriptor, POLLIN, 0};
    return poll(&fds, 1, 0) == 1;
}

class EndingSignal : public ::testing::TestWithParam<int> {};

// Catches: a signal that still kills, and an event that a wait takes back.
TEST_P(EndingSignal, SetsTheEventForGood) {
    const agent::InterruptEvent event;
    EXPECT_FALSE(event.set_by_signal());
    EXPECT_FALSE(is_readable(event.descriptor()));
    std::raise(GetParam());
    std::raise(GetParam());
    EXPECT_TRUE(event.set_by_signal());
    EXPECT_TRUE(is_readable(event.descriptor()));
    EXPECT_TRUE(is_readable(event.descriptor()));
}

INSTANTIATE_TEST_SUITE_P(All, EndingSignal, ::testing::Values(SIGINT, SIGTERM, SIGHUP));

// Catches: an end that the program itself asked for taken for the user's.
TEST(InterruptEvent, SetWithoutASignalIsNoStopRequest) {
    agent::InterruptEvent event;
    event.set();
    EXPECT_TRUE(is_readable(event.descriptor()));
    EXPECT_FALSE(event.set_by_signal());
}

// Catches: a descriptor that hangs up without ending the waits; one taken for the user's request; one that is closed
// and still counts.
TEST(InterruptEvent, IsSetWhileAnotherDescriptorHangsUp) {
    std::array<int, 2> ends = {};
    ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    host::UniqueFd watched(ends[0]);
    host::UniqueFd other_end(ends[1]);
    agent::InterruptEvent event;
    event.set_by(watched.get());
    EXPECT_FALSE(is_readable(event.descriptor()));
    other_end.reset();
    EXPECT_TRUE(is_readable(event.descriptor()));
    EXPECT_TRUE(is_readable(event.descriptor()));
    EXPECT_FALSE(event.set_by_signal());
    watched.reset();
    EXPECT_FALSE(is_readable(event.descriptor()));
}

// Catches: nohup undone.
TEST(InterruptEvent, AnIgnoredHangupStaysIgnored) {
    std::signal(SIGHUP, SIG_IGN);
    {
        const agent::InterruptEvent event;
        std::raise(SIGHUP);
        EXPECT_FALSE(event.set_by_signal());
    }
    EXPECT_EQ(std::signal(SIGHUP, SIG_DFL), SIG_IGN);
}

// A shell without job control starts background programs with SIGINT ignored; `kill -INT` must end them all the same.
TEST(InterruptEvent, AnIgnoredInterruptIsTakenOver) {
    std::signal(SIGINT, SIG_IGN);
    {
        const agent::InterruptEvent event;
        std::raise(SIGINT);
        EXPECT_TRUE(event.set_by_signal());
    }
    EXPECT_EQ(std::signal(SIGINT, SIG_DFL), SIG_DFL);
}

TEST(InterruptEvent, AClosedPipeIsNoSignalWhileItLives) {
    const agent::InterruptEvent event;
    std::raise(SIGPIPE);
    SUCCEED() << "still here";
}

}  // namespace
}  // namespace aegis
