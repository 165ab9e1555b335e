// Threads of one source between the processes of another, in whatever order the two are heard.
#include "driver/host/sources/thread_tracker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "driver/host/sources/nt_clock.hpp"

namespace aegis::test {
namespace {

using host::sources::ActivitySink;
using host::sources::HandleOpened;
using host::sources::ImageLoaded;
using host::sources::kStartGraceNanoseconds;
using host::sources::NtTime;
using host::sources::PerfKind;
using host::sources::PerfRecord;
using host::sources::ProcessStart;
using host::sources::RegistryChanged;
using host::sources::ThreadEnd;
using host::sources::ThreadStart;
using host::sources::ThreadTracker;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint32_t kPid = 5000;
constexpr std::uint32_t kParent = 4000;

class Heard final : public ActivitySink {
  public:
    void process_started(const ProcessStart&) override {}
    void process_ended(std::uint32_t, NtTime, std::optional<std::int32_t>) override {}
    void thread_started(const ThreadStart& start) override {
        lines.push_back(std::string(1, '+') + std::to_string(start.pid) + ":" + std::to_string(start.tid) + " by " +
                        std::to_string(start.creator) + ":" + std::to_string(start.creator_tid));
        times.push_back(start.time);
    }
    void thread_ended(const ThreadEnd& end) override {
        lines.push_back(std::string(1, '-') + std::to_string(end.pid) + ":" + std::to_string(end.tid));
        times.push_back(end.time);
    }
    void image_loaded(const ImageLoaded& image) override {
        std::string line = "image " + std::to_string(image.pid) + " ";
        for (const char16_t unit : image.path) {
            line += static_cast<char>(unit);
        }
        lines.push_back(line + (image.path_exact ? "" : " (without its name)"));
        times.push_back(image.time);
        last_image = image;
    }
    void handle_opened(const HandleOpened& handle) override {
        lines.push_back("handle " + std::to_string(handle.pid) + ":" + std::to_string(handle.tid) + " to " +
                        std::to_string(handle.target) + ":" + std::to_string(handle.target_tid) + " for " +
                        std::to_string(handle.access));
        times.push_back(handle.time);
    }
    void registry_changed(const RegistryChanged& change) override {
        std::string line = "registry " + std::to_string(change.pid) + " ";
        for (const std::u16string_view text : {change.key, std::u16string_view(u"|"), change.name}) {
            for (const char16_t unit : text) {
                line += static_cast<char>(unit);
            }
        }
        lines.push_back(line + (change.data_bytes > change.data.size() ? " cut" : ""));
        times.push_back(change.time);
    }
    void events_lost(std::uint64_t count) override { lines.push_back("lost " + std::to_string(count)); }

    std::vector<std::string> lines;
    std::vector<NtTime> times;
    ImageLoaded last_image;  // its path is gone
};

class Threads : public testing::Test {
  protected:
    // Of kPid unless it is said otherwise.
    static PerfRecord fork(std::uint32_t tid, std::uint32_t parent_pid, std::uint32_t parent_tid,
                           std::int64_t monotonic = kSecond) {
        PerfRecord record;
        record.pid = kPid;
        record.tid = tid;
        record.parent_pid = parent_pid;
        record.parent_tid = parent_tid;
        record.monotonic = monotonic;
        return record;
    }
    static PerfRecord exit(std::uint32_t tid, std::int64_t monotonic = 2 * kSecond) {
        PerfRecord record;
        record.kind = PerfKind::kExit;
        record.pid = kPid;
        record.tid = tid;
        record.monotonic = monotonic;
        return record;
    }

    static PerfRecord image(const std::string& path, std::int64_t monotonic = 2 * kSecond) {
        PerfRecord record;
        record.kind = PerfKind::kImage;
        record.pid = kPid;
        record.tid = kPid + 1;
        record.path = path;
        record.base = 0x7F0000001000;
        record.bytes = 0x2000;
        record.monotonic = monotonic;
        return record;
    }
    static PerfRecord exec(std::int64_t monotonic = 2 * kSecond) {
        PerfRecord record;
        record.kind = PerfKind::kExec;
        record.pid = kPid;
        record.tid = kPid;
        record.monotonic = monotonic;
        return record;
    }

    // By kPid's first thread, to another process.
    static PerfRecord handle(std::uint32_t pid, std::uint32_t target, bool of_thread = false) {
        PerfRecord record;
        record.kind = PerfKind::kHandle;
        record.pid = pid;
        record.tid = pid;
        record.handle.process_id = target;
        record.handle.thread_id = target + 1;
        record.handle.of_thread = of_thread;
        record.handle.access = 16;
        record.monotonic = 2 * kSecond;
        return record;
    }

    void started(NtTime time = 0) {
        ProcessStart start;
        start.pid = kPid;
        start.time = time;
        tracker_.process_started(start);
    }

    std::vector<std::string> heard() { return std::exchange(sink_.lines, {}); }

    Heard sink_;
    ThreadTracker tracker_{sink_};
};

// Catches: a handle that is told before the process that opens it, or before the one that is opened; a thread's number
// where the process is meant.
TEST_F(Threads, HandlesWaitForBothProcesses) {
    tracker_.learn(kParent);
    tracker_.apply(fork(kPid, kParent, kParent + 1));
    tracker_.apply(handle(kParent, kPid));
    tracker_.apply(handle(kPid, kParent, true));
    tracker_.apply(handle(kParent, 77));
    EXPECT_THAT(heard(), ElementsAre("handle 4000:4000 to 77:0 for 16"));
    started();
    EXPECT_THAT(heard(), ElementsAre("+5000:5000 by 4000:4001", "handle 4000:4000 to 5000:0 for 16",
                                     "handle 5000:5000 to 4000:4001 for 16"));
    tracker_.apply(handle(kParent, kPid, true));
    EXPECT_THAT(heard(), ElementsAre("handle 4000:4000 to 5000:5001 for 16"));
}

// Catches: a thread that is told before its process; one that is forgotten while it waits, or told out of order.
TEST_F(Threads, WaitForTheirProcess) {
    tracker_.apply(fork(kPid, kParent, kParent + 1));
    tracker_.apply(fork(kPid + 1, kPid, kPid));
    tracker_.apply(exit(kPid + 1));
    EXPECT_THAT(heard(), IsEmpty());
    EXPECT_EQ(tracker_.next_deadline(), kSecond + kStartGraceNanoseconds);
    started();
    EXPECT_THAT(heard(), ElementsAre("+5000:5000 by 4000:4001", "+5000:5001 by 5000:5000", "-5000:5001"));
    EXPECT_EQ(tracker_.next_deadline(), std::nullopt);
    tracker_.apply(fork(kPid + 2, kPid, kPid));
    EXPECT_THAT(heard(), ElementsAre("+5000:5002 by 5000:5000"));
}

// What was forked before it loaded its image began, as NT sees it, with that. Catches: a first thread that is older
// than its process.
TEST_F(Threads, TheFirstIsNotOlderThanItsProcess) {
    tracker_.apply(fork(kPid, kParent, kParent));
    const NtTime start = host::sources::nt_now();
    started(start);
    tracker_.apply(fork(kPid + 1, kPid, kPid, host::sources::clock_nanoseconds(CLOCK_MONOTONIC) + kSecond));
    ASSERT_EQ(sink_.times.size(), 2U);
    EXPECT_EQ(sink_.times[0], start);
    EXPECT_GT(sink_.times[1], start);
}

TEST_F(Threads, OfAProcessThatExistedWaitForNothing) {
    tracker_.learn(kPid);
    tracker_.apply(fork(kPid + 1, kPid, kPid));
    // One that existed before us ends.
    tracker_.apply(exit(kPid + 7));
    EXPECT_THAT(heard(), ElementsAre("+5000:5001 by 5000:5000", "-5000:5007"));
}

// Catches: a process's end with threads that nobody ends; threads that end twice.
TEST_F(Threads, EndWithTheirProcess) {
    tracker_.apply(fork(kPid, kParent, kParent));
    started();
    tracker_.apply(fork(kPid + 1, kPid, kPid));
    tracker_.apply(exit(kPid));
    heard();
    tracker_.process_ended(kPid, host::sources::nt_now());
    EXPECT_THAT(heard(), ElementsAre("-5000:5001"));
    tracker_.apply(exit(kPid + 1));
    tracker_.process_ended(kPid, host::sources::nt_now());
    EXPECT_THAT(heard(), IsEmpty());
}

TEST_F(Threads, OfAProcessThatEndsAsItStartsAreTold) {
    tracker_.apply(fork(kPid, kParent, kParent));
    tracker_.process_ended(kPid, host::sources::nt_now());
    EXPECT_THAT(heard(), ElementsAre("+5000:5000 by 4000:4000", "-5000:5000"));
}

// Catches: an image that is told before its process or its first thread, with another one's fields, or not at all.
TEST_F(Threads, ImagesComeBehindTheStartOfTheirProcess) {
    tracker_.apply(fork(kPid, kParent, kParent));
    tracker_.apply(exec());
    tracker_.apply(image("/bin/true"));
    EXPECT_THAT(heard(), IsEmpty());
    const NtTime start = host::sources::nt_now();
    started(start);
    EXPECT_THAT(heard(), ElementsAre("+5000:5000 by 4000:4000", "image 5000 /bin/true"));
    EXPECT_EQ(sink_.times.back(), start);
    tracker_.apply(image("/lib/libc.so.6 (deleted)"));
    tracker_.apply(image(""));
    EXPECT_THAT(heard(), ElementsAre("image 5000 /lib/libc.so.6 (without its name)", "image 5000  (without its name)"));
    EXPECT_EQ(sink_.last_image.tid, kPid + 1);
    EXPECT_EQ(sink_.last_image.base, 0x7F0000001000U);
    EXPECT_EQ(sink_.last_image.size, 0x2000U);
}

// What a forked process loads before it loads a program is gone with that. Catches: an image of the program before.
TEST_F(Threads, AnExecThatIsTheStartForgetsTheImagesBefore) {
    tracker_.apply(fork(kPid, kParent, kParent));
    tracker_.apply(image("/lib/of_the_parent.so"));
    tracker_.apply(fork(kPid + 1, kPid, kPid));
    tracker_.apply(exit(kPid + 1));
    tracker_.apply(exec());
    tracker_.apply(image("/bin/true"));
    started();
    EXPECT_THAT(heard(), ElementsAre("+5000:5000 by 4000:4000", "+5000:5001 by 5000:5000", "-5000:5001",
                                     "image 5000 /bin/true"));
}

// The kernel records the exec before anybody tells of it. Catches: the images of the new program told as the old one's;
// those of the old one withheld; a thread that the new program makes ended with the old one's.
TEST_F(Threads, AnotherProgramsImagesWaitForItsStart) {
    tracker_.apply(fork(kPid, kParent, kParent));
    started();
    tracker_.apply(image("/bin/sh"));
    tracker_.apply(fork(kPid + 1, kPid, kPid));
    heard();
    tracker_.apply(exit(kPid + 1));
    tracker_.apply(exec(5 * kSecond));
    tracker_.apply(image("/bin/ls"));
    EXPECT_THAT(heard(), ElementsAre("-5000:5001"));
    EXPECT_EQ(tracker_.next_deadline(), 5 * kSecond + kStartGraceNanoseconds);
    tracker_.apply(fork(kPid + 2, kPid, kPid));
    started();
    EXPECT_THAT(heard(), ElementsAre("image 5000 /bin/ls", "+5000:5002 by 5000:5000"));
    EXPECT_EQ(tracker_.next_deadline(), std::nullopt);
    tracker_.apply(exec(9 * kSecond));
    tracker_.apply(image("/bin/cat"));
    tracker_.expire(9 * kSecond + kStartGraceNanoseconds);
    EXPECT_THAT(heard(), ElementsAre("image 5000 /bin/cat"));
}

// The kernel starts a program from one of its own threads. Catches: what the program loads lost with that.
TEST_F(Threads, AProgramThatTheKernelStartsHasItsImages) {
    tracker_.apply(fork(kPid, 2, 2));
    tracker_.apply(exec());
    tracker_.apply(image("/sbin/modprobe"));
    EXPECT_THAT(heard(), IsEmpty());
    started();
    EXPECT_THAT(heard(), ElementsAre("+5000:5000 by 2:2", "image 5000 /sbin/modprobe"));
}

// A thread that is not the first one loads another image: it goes on with the first one's number.
// Catches: a number that never ends, or that ends without having begun.
TEST_F(Threads, AnExecLeavesOneUnderTheFirstNumber) {
    tracker_.apply(fork(kPid, kParent, kParent));
    started();
    tracker_.apply(fork(kPid + 1, kPid, kPid));
    tracker_.apply(fork(kPid + 2, kPid, kPid));
    heard();
    tracker_.apply(exit(kPid + 2));
    tracker_.apply(exit(kPid));
    started();
    EXPECT_THAT(heard(), ElementsAre("-5000:5002", "-5000:5000", "-5000:5001", "+5000:5000 by 5000:5000"));
    tracker_.apply(exit(kPid));
    EXPECT_THAT(heard(), ElementsAre("-5000:5000"));
    // Once more, by the only thread there is.
    tracker_.apply(fork(kPid, kParent, kParent));
    started();
    started();
    EXPECT_THAT(heard(), ElementsAre("+5000:5000 by 4000:4000"));
}

// Of one that existed before, nobody knows which threads an exec ended.
TEST_F(Threads, AnExecOfAProcessThatExistedSaysNothing) {
    tracker_.learn(kPid);
    started();
    EXPECT_THAT(heard(), IsEmpty());
    tracker_.apply(exit(kPid));
    EXPECT_THAT(heard(), ElementsAre("-5000:5000"));
    tracker_.process_ended(kPid, host::sources::nt_now());
    EXPECT_THAT(heard(), IsEmpty());
}

// What is heard of threads is ahead of what is heard of processes: the exec is told when the process has ended.
// Catches: a thread that begins once more.
TEST_F(Threads, AnExecThatIsToldLateStartsNothing) {
    tracker_.apply(fork(kPid, kParent, kParent));
    started();
    tracker_.apply(exit(kPid));
    heard();
    started();
    tracker_.process_ended(kPid, host::sources::nt_now());
    EXPECT_THAT(heard(), IsEmpty());
}

// Catches: kernel threads told as those of a process; one that is remembered for ever; a helper program that the kernel
// starts without its thread.
TEST_F(Threads, OfTheKernelAreNone) {
    tracker_.apply(fork(kPid, 2, 2));
    EXPECT_EQ(tracker_.next_deadline(), std::nullopt);
    tracker_.apply(exit(kPid));
    started();
    EXPECT_THAT(heard(), IsEmpty());
    tracker_.process_ended(kPid, host::sources::nt_now());
    heard();
    tracker_.apply(fork(kPid, 2, 2));
    started();
    EXPECT_THAT(heard(), ElementsAre("+5000:5000 by 2:2"));
}

// Catches: threads that wait for ever when their process's start was lost, or that are let go too early.
TEST_F(Threads, AreLetGoWhenNobodyTellsOfTheirProcess) {
    tracker_.apply(fork(kPid, kParent, kParent));
    tracker_.expire(kSecond + kStartGraceNanoseconds - 1);
    EXPECT_THAT(heard(), IsEmpty());
    tracker_.expire(kSecond + kStartGraceNanoseconds);
    EXPECT_THAT(heard(), ElementsAre("+5000:5000 by 4000:4000"));
    EXPECT_EQ(tracker_.next_deadline(), std::nullopt);
}

// Catches: the deadline of a process that has gone on taken for that of another one with its number.
TEST_F(Threads, ADeadlineIsOneProcesss) {
    tracker_.apply(fork(kPid, kParent, kParent));
    started();
    tracker_.apply(fork(kPid, kParent, kParent, 3 * kSecond));
    heard();
    EXPECT_EQ(tracker_.next_deadline(), 3 * kSecond + kStartGraceNanoseconds);
    tracker_.expire(kSecond + kStartGraceNanoseconds);
    EXPECT_THAT(heard(), IsEmpty());
}

// A number is used again before the end of the process before was told. Catches: the later one ended in its place.
TEST_F(Threads, ALateEndIsThatOfTheProcessBefore) {
    const std::int64_t now = host::sources::clock_nanoseconds(CLOCK_MONOTONIC);
    tracker_.apply(fork(kPid, kParent, kParent, now + 100 * kSecond));
    tracker_.process_ended(kPid, host::sources::nt_now());
    EXPECT_THAT(heard(), IsEmpty());
    started();
    EXPECT_THAT(heard(), ElementsAre("+5000:5000 by 4000:4000"));
}

// Catches: a loss that stays here; ends withheld because their starts may have been among what was lost.
TEST_F(Threads, AfterALossAnyThreadMayHaveBeenThere) {
    tracker_.apply(fork(kPid, kParent, kParent));
    started();
    heard();
    PerfRecord lost;
    lost.kind = PerfKind::kLost;
    lost.lost = 17;
    tracker_.apply(lost);
    tracker_.apply(exit(kPid + 9));
    // The fork of this one was lost.
    PerfRecord of_unknown = fork(kPid + 21, kPid + 20, kPid + 20);
    of_unknown.pid = kPid + 20;
    tracker_.apply(of_unknown);
    EXPECT_THAT(heard(), ElementsAre("lost 17", "-5000:5009", "+5020:5021 by 5020:5020"));
}

}  // namespace
}  // namespace aegis::test
