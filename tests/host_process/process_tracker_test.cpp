// The rules that turn kernel events into starts and ends, on sequences that cannot be had from real
// processes at will. The pids are above every real one, so that /proc has none of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "driver/host/sources/process_tracker.hpp"
#include "recording_sink.hpp"

namespace aegis::test {
namespace {

using host::sources::KernelEventKind;
using host::sources::kForkGraceNanoseconds;
using host::sources::ProcessTracker;

constexpr std::uint32_t kShell = 6'000'000;
constexpr std::uint32_t kChild = 6'000'001;
constexpr std::uint32_t kGrandchild = 6'000'002;
constexpr std::uint32_t kKernelThreadDaemon = 2;

class ProcessTrackerTest : public testing::Test {
  protected:
    void SetUp() override {
        fork(kShell, 1, 10);
        exec(kShell, "/bin/sh", 11);
    }

    void fork(std::uint32_t child, std::uint32_t parent, std::int64_t time) {
        tracker_.apply({KernelEventKind::kFork, child, child, parent, time}, {});
    }
    void exec(std::uint32_t pid, const std::string& image, std::int64_t time) {
        tracker_.apply({KernelEventKind::kExec, pid, pid, 0, time}, {image, true, false});
    }
    void exit(std::uint32_t pid, std::int64_t time) { tracker_.apply({KernelEventKind::kExit, pid, pid, 0, time}, {}); }
    // "+pid image" and "-pid", without the shell's own.
    std::vector<std::string> heard() const {
        std::vector<std::string> words;
        for (const RecordedActivity& activity : sink_.all()) {
            if (activity.pid == kShell) {
                continue;
            }
            std::ostringstream word;
            word << (activity.is_start ? '+' : '-') << activity.pid - kShell;
            if (activity.is_start) {
                word << ' ' << std::string(activity.image.begin(), activity.image.end());
            }
            words.push_back(word.str());
        }
        return words;
    }
    using Words = std::vector<std::string>;

    RecordingSink sink_;
    ProcessTracker tracker_{sink_};
};

// Catches: announcing at the fork.
TEST_F(ProcessTrackerTest, AForkWaitsForItsExec) {
    fork(kChild, kShell, 20);
    tracker_.expire(20 + kForkGraceNanoseconds - 1);
    EXPECT_EQ(heard(), Words());
    exec(kChild, "/bin/ls", 30);
    tracker_.expire(20 + kForkGraceNanoseconds);
    EXPECT_EQ(heard(), Words({"+1 /bin/ls"}));
}

// Catches: a deadline that is off, a deadline that stays after the exec.
TEST_F(ProcessTrackerTest, TheDeadlineIsThatOfTheOldestForkStillWaiting) {
    EXPECT_FALSE(tracker_.next_deadline());
    fork(kChild, kShell, 20);
    fork(kGrandchild, kShell, 25);
    EXPECT_EQ(tracker_.next_deadline(), 20 + kForkGraceNanoseconds);
    exec(kChild, "/bin/ls", 30);
    EXPECT_EQ(tracker_.next_deadline(), 25 + kForkGraceNanoseconds);
    tracker_.expire(25 + kForkGraceNanoseconds);
    EXPECT_FALSE(tracker_.next_deadline());
    EXPECT_EQ(heard(), Words({"+1 /bin/ls", "+2 /bin/sh"}));
}

// Catches: the image read or remembered at the announcement instead of at the fork.
TEST_F(ProcessTrackerTest, AForkHasTheImageItsParentHadThen) {
    fork(kChild, kShell, 20);
    exec(kShell, "/bin/other", 30);
    tracker_.expire(20 + kForkGraceNanoseconds);
    EXPECT_EQ(heard(), Words({"+1 /bin/sh"}));
}

// Catches: a child announced before its parent.
TEST_F(ProcessTrackerTest, AForkThatForksIsAnnouncedBeforeItsChild) {
    fork(kChild, kShell, 20);
    fork(kGrandchild, kChild, 21);
    exec(kGrandchild, "/bin/ls", 22);
    exit(kChild, 23);
    EXPECT_EQ(heard(), Words({"+1 /bin/sh", "+2 /bin/ls", "-1"}));
}

// Catches: an end lost together with its event, when the pid comes again.
TEST_F(ProcessTrackerTest, APidInUseAgainEndsItsFormerProcess) {
    fork(kChild, kShell, 20);
    exec(kChild, "/bin/ls", 21);
    fork(kChild, kShell, 30);
    exec(kChild, "/bin/cat", 31);
    EXPECT_EQ(heard(), Words({"+1 /bin/ls", "-1", "+1 /bin/cat"}));
}

// Catches: ends of processes whose start was never seen ignored.
TEST_F(ProcessTrackerTest, AnEndWithoutAStartIsStillAnEnd) {
    exit(kChild, 20);
    EXPECT_EQ(heard(), Words({"-1"}));
}

// Catches: kernel threads announced, and the helper programs of the kernel not.
TEST_F(ProcessTrackerTest, AKernelThreadIsAProcessFromItsExecOn) {
    fork(kChild, kKernelThreadDaemon, 20);
    fork(kGrandchild, kKernelThreadDaemon, 20);
    tracker_.expire(20 + kForkGraceNanoseconds);
    exit(kChild, 30);
    EXPECT_EQ(heard(), Words());
    exec(kGrandchild, "/sbin/modprobe", 40);
    exit(kGrandchild, 41);
    EXPECT_EQ(heard(), Words({"+2 /sbin/modprobe", "-2"}));
}

// Catches: processes that live forever because their exit was dropped; and the same end twice, when it
// was only late.
TEST_F(ProcessTrackerTest, AfterALossProcessesThatAreGoneEndOnce) {
    fork(kChild, kShell, 20);
    exec(kChild, "/bin/ls", 21);
    fork(kGrandchild, kShell, 22);
    tracker_.reconcile(30);
    std::vector<std::string> words = heard();
    std::sort(words.begin(), words.end());
    EXPECT_EQ(words, Words({"+1 /bin/ls", "+2 /bin/sh", "-1", "-2"}));
    exit(kChild, 25);
    EXPECT_EQ(heard().size(), 4U);
    fork(kChild, kShell, 40);
    exit(kChild, 41);
    EXPECT_EQ(heard().size(), 6U);
}

// Catches: the details of an exec given to the process it came from; a fork without its parent's; times of one told of
// another.
TEST_F(ProcessTrackerTest, DetailsAreThoseOfTheExecOrOfTheParent) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    fork(kChild, kShell, 20 * kSecond);
    tracker_.apply({KernelEventKind::kExec, kChild, kChild, 0, 21 * kSecond}, {"/bin/ls", true, false},
                   {.arguments = std::string("ls\0-l", 5), .owner = {{.uid = 7, .session = 8}}, .start_ticks = 1});
    fork(kGrandchild, kChild, 30 * kSecond);
    exit(kGrandchild, 31 * kSecond);
    const std::vector<RecordedActivity> all = sink_.all();
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[1].command_line, u"ls -l");
    EXPECT_EQ(all[1].uid, 7U);
    EXPECT_EQ(all[1].session, 8U);
    EXPECT_EQ(all[1].time - all[1].created, 10'000'000) << "made when it was forked, a second before";
    EXPECT_EQ(all[2].command_line, u"ls -l") << "the fork runs what its parent runs";
    EXPECT_EQ(all[2].created, all[2].time);
}

// Catches: the status of another thread than the last, or none; a status where the end was not heard of.
TEST_F(ProcessTrackerTest, AnEndHasTheStatusOfTheLastThread) {
    const auto thread = [this](KernelEventKind kind, std::uint32_t tid, std::uint32_t status) {
        tracker_.apply({kind, tid, kChild, kShell, 20, status}, {});
    };
    fork(kChild, kShell, 20);
    thread(KernelEventKind::kFork, kGrandchild, 0);
    thread(KernelEventKind::kExit, kChild, 1 << 8);
    thread(KernelEventKind::kExit, kGrandchild, 3 << 8);
    EXPECT_EQ(sink_.all().back().status, 3);
    fork(kChild, kShell, 30);
    fork(kChild, kShell, 40);
    EXPECT_EQ(sink_.all().back().status, std::nullopt);
    thread(KernelEventKind::kExit, kChild, 9);
    EXPECT_EQ(sink_.all().back().status, 137);
}

}  // namespace
}  // namespace aegis::test
