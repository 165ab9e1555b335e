// The process events connector, on real processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <semaphore>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "child_process.hpp"
#include "driver/host/sources/connector_source.hpp"
#include "driver/host/sources/process_files.hpp"
#include "driver/host/sources/source_selection.hpp"
#include "recording_sink.hpp"

namespace aegis::test {
namespace {

using host::sources::ConnectorSocket;
using host::sources::ConnectorSource;
using host::sources::KernelEvent;
using testing::HasSubstr;

std::u16string image_of(const std::string& program) {
    return host::sources::to_nt_image({std::filesystem::canonical(program).string(), true, false})->path;
}

class ConnectorTest : public testing::Test {
  protected:
    void SetUp() override {
        if (const auto error = source_.start(sink_)) {
            GTEST_SKIP() << error->message;
        }
    }
    void TearDown() override { source_.stop(); }

    // When this returns, everything that happened before the call has been delivered.
    void catch_up() {
        const ChildProcess marker({"/bin/true"});
        ASSERT_TRUE(sink_.wait_for_end_of(marker.pid()));
    }

    std::uint64_t counter(std::string_view name) const {
        for (const host::sources::Counter& counter : source_.counters()) {
            if (counter.name == name) {
                return counter.value;
            }
        }
        ADD_FAILURE() << "no counter " << name;
        return 0;
    }

    RecordingSink sink_;
    ConnectorSource source_{[](std::string_view) {}};
};

// Catches: taking the image at the fork, a fork and its exec announced as two starts, no end.
TEST_F(ConnectorTest, AProcessStartsOnceWithTheImageOfItsExecAndEndsOnce) {
    ChildProcess child({"/bin/true"});
    ASSERT_TRUE(sink_.wait_for_end_of(child.pid()));
    const std::vector<RecordedActivity> heard = sink_.of(child.pid());
    ASSERT_EQ(heard.size(), 2U);
    EXPECT_TRUE(heard[0].is_start);
    EXPECT_EQ(heard[0].image, image_of("/bin/true"));
    EXPECT_TRUE(heard[0].exact);
    EXPECT_EQ(heard[0].parent, static_cast<std::uint32_t>(getpid()));
    EXPECT_EQ(heard[0].creator, static_cast<std::uint32_t>(getpid()));
    EXPECT_FALSE(heard[1].is_start);
    EXPECT_LT(heard[0].time, heard[1].time);
}

// Catches: details read of another process, or after it may have ended; an exit status that is not the process's.
TEST_F(ConnectorTest, AProcessHasItsCommandLineItsOwnerAndItsStatus) {
    ChildProcess child({"/bin/sh", "-c", "read line; exit 7"});
    ASSERT_TRUE(sink_.wait_for_start_of(child.pid()));
    child.end_input();
    ASSERT_TRUE(sink_.wait_for_end_of(child.pid()));
    const std::vector<RecordedActivity> heard = sink_.of(child.pid());
    ASSERT_EQ(heard.size(), 2U);
    EXPECT_EQ(heard[0].command_line, u"/bin/sh -c \"read line; exit 7\"");
    EXPECT_EQ(heard[0].uid, geteuid());
    EXPECT_EQ(heard[0].session, static_cast<std::uint32_t>(getsid(0)));
    EXPECT_GT(heard[0].created, 0);
    EXPECT_LE(heard[0].created, heard[0].time);
    EXPECT_EQ(heard[1].status, 7);
}

// Catches: forks forgotten when they end before an exec.
TEST_F(ConnectorTest, AForkThatEndsWithoutExecHasTheImageOfItsParent) {
    ChildProcess parent({behaviour_program(), "fork-and-exit"});
    const pid_t child = std::stoi(parent.read_line());
    ASSERT_TRUE(sink_.wait_for_end_of(child));
    const std::vector<RecordedActivity> heard = sink_.of(child);
    ASSERT_EQ(heard.size(), 2U);
    EXPECT_TRUE(heard[0].is_start);
    EXPECT_EQ(heard[0].image, image_of(behaviour_program()));
    EXPECT_TRUE(heard[0].exact);
    EXPECT_EQ(heard[0].parent, static_cast<std::uint32_t>(parent.pid()));
    EXPECT_LT(heard[0].time, heard[1].time);
}

// Catches: pending forks looked at only when another event comes. Nothing else happens in this test, so
// the wait ends by the source's own timer or not at all; other processes of the machine can hide that.
TEST_F(ConnectorTest, AForkThatLivesOnWithoutExecIsAnnouncedWhileItLives) {
    ChildProcess parent({behaviour_program(), "fork-and-linger"});
    const pid_t child = std::stoi(parent.read_line());
    ASSERT_TRUE(sink_.wait_for_start_of(child));
    EXPECT_EQ(sink_.of(child).size(), 1U);
    EXPECT_EQ(sink_.of(child).front().image, image_of(behaviour_program()));
    parent.end_input();
    ASSERT_TRUE(sink_.wait_for_end_of(child));
    EXPECT_EQ(sink_.of(child).size(), 2U);
}

// Catches: a second exec taken for the first one's repetition.
TEST_F(ConnectorTest, EachExecIsAStartOfItsOwn) {
    const ChildProcess child({behaviour_program(), "exec-again"});
    ASSERT_TRUE(sink_.wait_for_end_of(child.pid()));
    const std::vector<RecordedActivity> heard = sink_.of(child.pid());
    ASSERT_EQ(heard.size(), 3U);
    EXPECT_EQ(heard[0].image, image_of(behaviour_program()));
    EXPECT_EQ(heard[1].image, image_of("/bin/true"));
    EXPECT_EQ(heard[1].parent, static_cast<std::uint32_t>(getpid()));
    EXPECT_FALSE(heard[2].is_start);
}

// Catches: threads announced as processes, a thread's exit taken for the process's.
TEST_F(ConnectorTest, ThreadsAreNoProcesses) {
    ChildProcess child({behaviour_program(), "many-threads"});
    child.read_line();
    catch_up();
    std::set<std::uint32_t> threads;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(child.pid()) + "/task")) {
        threads.insert(static_cast<std::uint32_t>(std::stoul(entry.path().filename())));
    }
    EXPECT_GE(threads.size(), 2U) << "a sanitizer may add one of its own";
    for (const RecordedActivity& activity : sink_.all()) {
        EXPECT_TRUE(activity.pid == static_cast<std::uint32_t>(child.pid()) || !threads.contains(activity.pid));
        EXPECT_FALSE(activity.is_start && activity.parent == static_cast<std::uint32_t>(child.pid()));
    }
    EXPECT_EQ(sink_.of(child.pid()).size(), 1U);
}

// Catches: the exit of the first thread taken for the end of the process; and, when only that exit is
// looked at, a process that never ends.
TEST_F(ConnectorTest, AProcessEndsWithItsLastThreadWhicheverThatIs) {
    ChildProcess child({behaviour_program(), "leader-ends-first"});
    child.read_line();
    while (!host::sources::read_stat(static_cast<std::uint32_t>(child.pid()))->has_ended()) {
        sched_yield();
    }
    catch_up();
    EXPECT_EQ(sink_.of(child.pid()).size(), 1U) << "the process lives on without its first thread";
    child.end_input();
    ASSERT_TRUE(sink_.wait_for_end_of(child.pid()));
    catch_up();
    EXPECT_EQ(sink_.of(child.pid()).size(), 2U);
}

// Catches: the first thread's exit, which the exec of another one causes, taken for the end.
TEST_F(ConnectorTest, AnExecByAnotherThreadIsNoEnd) {
    const ChildProcess child({behaviour_program(), "exec-from-thread"});
    ASSERT_TRUE(sink_.wait_until([&](const std::vector<RecordedActivity>& heard) {
        return std::any_of(heard.begin(), heard.end(), [&](const RecordedActivity& one) {
            return one.pid == static_cast<std::uint32_t>(child.pid()) && one.image == image_of("/bin/true");
        });
    }));
    ASSERT_TRUE(sink_.wait_for_end_of(child.pid()));
    catch_up();
    const std::vector<RecordedActivity> heard = sink_.of(child.pid());
    ASSERT_EQ(heard.size(), 3U);
    EXPECT_TRUE(heard[0].is_start);
    EXPECT_TRUE(heard[1].is_start);
    EXPECT_FALSE(heard[2].is_start);
}

// Catches: announcing what existed before, and ignoring its end.
TEST(Connector, AProcessThatExistedBeforeIsNotAnnouncedButItsEndIs) {
    ChildProcess old({behaviour_program(), "linger"});
    old.read_line();
    RecordingSink sink;
    ConnectorSource source([](std::string_view) {});
    if (const auto error = source.start(sink)) {
        GTEST_SKIP() << error->message;
    }
    old.end_input();
    ASSERT_TRUE(sink.wait_for_end_of(old.pid()));
    EXPECT_EQ(sink.of(old.pid()).size(), 1U);
}

// Catches: a start left without its path because its process ended before /proc was read.
TEST(Connector, AProcessThatIsGoneBeforeItIsLookedAtHasItsImageAllTheSame) {
    host::sources::ExecRecorder probe;
    if (const auto error = probe.start()) {
        GTEST_SKIP() << *error;
    }
    RecordingSink sink;
    ConnectorSource source([](std::string_view) {},
                           [](std::uint32_t) {
                               return host::sources::ImageBytes{"tru", false, false};
                           });
    if (const auto error = source.start(sink)) {
        GTEST_SKIP() << error->message;
    }
    ChildProcess child({"/bin/true"});
    ASSERT_TRUE(sink.wait_for_end_of(child.pid()));
    EXPECT_EQ(sink.of(child.pid()).front().image, image_of("/bin/true"));
    EXPECT_TRUE(sink.of(child.pid()).front().exact);
}

// Catches: an image read late and not recorded, receive buffers that overflow, events dropped anywhere.
TEST_F(ConnectorTest, AFloodOfShortProcessesIsCompleteAndExact) {
    constexpr std::size_t kProcesses = 500;
    std::vector<pid_t> pids;
    for (std::size_t i = 0; i < kProcesses; ++i) {
        ChildProcess child({"/bin/true"});
        child.wait();
        pids.push_back(child.pid());
    }
    catch_up();
    const std::u16string image = image_of("/bin/true");
    for (const pid_t pid : pids) {
        const std::vector<RecordedActivity> heard = sink_.of(pid);
        ASSERT_EQ(heard.size(), 2U);
        EXPECT_EQ(heard[0].image, image);
        EXPECT_TRUE(heard[0].exact);
        EXPECT_FALSE(heard[1].is_start);
    }
    EXPECT_EQ(counter("kernel_dropped"), 0U);
    EXPECT_EQ(counter("queue_dropped"), 0U);
}

void run_children_on_every_cpu(int count) {
    cpu_set_t all;
    sched_getaffinity(0, sizeof(all), &all);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &all)) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof(one), &one);
            for (int i = 0; i < count; ++i) {
                ChildProcess({"/bin/true"}).wait();
            }
        }
    }
    sched_setaffinity(0, sizeof(all), &all);
}

// Catches: not counting holes in the kernel's numbers, counting them per machine instead of per CPU.
TEST(Connector, EveryEventIsEitherReceivedOrCountedAsDropped) {
    ConnectorSocket socket;
    if (const auto error = socket.open()) {
        GTEST_SKIP() << error->message;
    }
    const int tiny = 1;
    ASSERT_EQ(setsockopt(socket.descriptor(), SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)), 0);
    std::size_t received = 0;
    const auto drain = [&] {
        std::span<const KernelEvent> events;
        while (socket.receive(events)) {
            received += events.size();
        }
    };
    // A number is known to be missing once a later one has come, from the same CPU.
    run_children_on_every_cpu(1);
    drain();
    const std::size_t received_before = received;
    const std::uint64_t dropped_before = socket.dropped();
    constexpr int kChildrenPerCpu = 100;
    run_children_on_every_cpu(kChildrenPerCpu);
    drain();
    run_children_on_every_cpu(1);
    drain();
    EXPECT_GT(socket.overruns(), 0U);
    EXPECT_GT(socket.dropped(), dropped_before);
    constexpr std::size_t kEventsPerChild = 3;
    EXPECT_GE(received - received_before + (socket.dropped() - dropped_before), kEventsPerChild * kChildrenPerCpu);
}

// Holds up whoever reads an image, as a machine does that gives the reader no processor.
class HeldReader {
  public:
    static host::sources::ImageBytes read_image(std::uint32_t pid) {
        if (hold_.exchange(false)) {
            held_.release();
            released_.acquire();
        }
        return host::sources::read_image(pid);
    }
    static void hold_the_next() { hold_ = true; }
    static void wait_until_held() { held_.acquire(); }
    static void let_go() { released_.release(); }

  private:
    static inline std::atomic<bool> hold_ = false;
    static inline std::binary_semaphore held_{0};
    static inline std::binary_semaphore released_{0};
};

// Of the connector's sockets of this process, as /proc/net/netlink counts them.
std::uint64_t datagrams_dropped() {
    std::ifstream table("/proc/net/netlink");
    std::uint64_t total = 0;
    std::string line;
    std::getline(table, line);
    while (std::getline(table, line)) {
        std::istringstream row(line);
        std::string address;
        int protocol = 0;
        std::uint32_t port = 0;
        std::string groups;
        std::uint64_t numbers[4] = {};
        std::uint64_t drops = 0;
        row >> address >> protocol >> port >> groups;
        for (std::uint64_t& number : numbers) {
            row >> number;
        }
        row >> drops;
        total += protocol == NETLINK_CONNECTOR && port == static_cast<std::uint32_t>(getpid()) ? drops : 0;
    }
    return total;
}

// The kernel has nowhere to put events while the reader stands still. Nothing happens afterwards, so how many there
// were shows by what the source itself makes happen; other processes of the machine can hide that. Catches: a loss kept
// from the sink; told without its count; told only once something else happens.
TEST(Connector, WhatTheKernelDropsIsToldToTheSink) {
    RecordingSink sink;
    ConnectorSource source([](std::string_view) {}, HeldReader::read_image);
    if (const auto error = source.start(sink)) {
        GTEST_SKIP() << error->message;
    }
    HeldReader::hold_the_next();
    ChildProcess first({"/bin/true"});
    HeldReader::wait_until_held();
    const std::uint64_t dropped_before = datagrams_dropped();
    // Far beyond what the kernel's buffer holds.
    constexpr int kMostBatches = 10'000;
    constexpr int kBatch = 100;
    for (int batch = 0; batch < kMostBatches && datagrams_dropped() == dropped_before; ++batch) {
        for (int i = 0; i < kBatch; ++i) {
            std::thread([] {}).join();
        }
    }
    ASSERT_GT(datagrams_dropped(), dropped_before);
    EXPECT_EQ(sink.lost(), 0U);
    HeldReader::let_go();
    ASSERT_TRUE(sink.wait_until_lost(1));
    // The numbers of every CPU have come when the ends of processes on every CPU have.
    run_children_on_every_cpu(1);
    const ChildProcess marker({"/bin/true"});
    ASSERT_TRUE(sink.wait_for_end_of(marker.pid()));
    source.stop();
    std::uint64_t counted = 0;
    for (const host::sources::Counter& counter : source.counters()) {
        counted += counter.name.ends_with("_dropped") ? counter.value : 0;
    }
    EXPECT_EQ(sink.lost(), counted);
}

// Catches: the kernel's acknowledgement of somebody else's subscription, which has a number of its own,
// taken for a lost event.
TEST(Connector, AnotherSubscriptionIsNoLoss) {
    ConnectorSocket socket;
    if (const auto error = socket.open()) {
        GTEST_SKIP() << error->message;
    }
    const auto drain = [&] {
        std::span<const KernelEvent> events;
        while (socket.receive(events)) {
        }
    };
    run_children_on_every_cpu(1);
    drain();
    const std::uint64_t dropped_before = socket.dropped();
    for (int i = 0; i < 10; ++i) {
        ConnectorSocket other;
        ASSERT_FALSE(other.open());
    }
    run_children_on_every_cpu(1);
    drain();
    EXPECT_EQ(socket.dropped(), dropped_before);
}

// Runs `body` in a child of the test where the kernel shows another network: the connector is not there.
template <typename Body>
int in_other_network(Body body) {
    const pid_t child = fork();
    if (child == 0) {
        constexpr int kNotPermitted = 77;
        _exit(unshare(CLONE_NEWNET) == 0 ? body() : kNotPermitted);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

// Catches: errors that do not say what to do.
TEST(Connector, WhereItCannotWorkItSaysWhyAndWhatToDo) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root to leave the network namespace";
    }
    const int outcome = in_other_network([] {
        RecordingSink sink;
        const host::sources::StartedSource started =
            host::sources::start_source({host::sources::SourceKind::kConnector, {}}, sink, [](std::string_view) {});
        EXPECT_FALSE(started.source);
        EXPECT_THAT(started.error.message, HasSubstr("--source procfs"));
        EXPECT_THAT(started.error.message, HasSubstr("--network host"));
        return testing::Test::HasFailure() ? 2 : 0;
    });
    EXPECT_EQ(outcome, 0);
}

// Catches: auto failing where the connector does, falling back silently, and advising what it does.
TEST(Connector, AutoFallsBackToScansAndSaysWhatMayBeMissed) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root to leave the network namespace";
    }
    const int outcome = in_other_network([] {
        RecordingSink sink;
        std::vector<std::string> lines;
        const host::sources::StartedSource started =
            host::sources::start_source({}, sink, [&lines](std::string_view line) { lines.emplace_back(line); });
        EXPECT_TRUE(started.source && started.source->name() == "procfs");
        EXPECT_EQ(lines.size(), 1U);
        EXPECT_TRUE(!lines.empty() && lines.front().find("misses") != std::string::npos);
        EXPECT_TRUE(!lines.empty() && lines.front().find("--source procfs") == std::string::npos);
        return testing::Test::HasFailure() ? 2 : 0;
    });
    EXPECT_EQ(outcome, 0);
}

}  // namespace
}  // namespace aegis::test
