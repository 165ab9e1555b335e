// The scan of /proc, on real processes.
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <vector>

#include "child_process.hpp"
#include "driver/host/sources/process_files.hpp"
#include "driver/host/sources/procfs_source.hpp"
#include "recording_sink.hpp"

namespace aegis::test {
namespace {

using host::sources::ProcfsSource;

std::u16string image_of(const std::string& program) {
    return host::sources::to_nt_image({std::filesystem::canonical(program).string(), true, false})->path;
}

// Catches: no start, no end, the parent's image instead of the own.
TEST(Procfs, AProcessThatLivesLongEnoughStartsAndEndsOnce) {
    RecordingSink sink;
    ProcfsSource source;
    ASSERT_FALSE(source.start(sink));
    ChildProcess child({behaviour_program(), "linger"});
    ASSERT_TRUE(sink.wait_for_start_of(child.pid()));
    child.end_input();
    child.wait();
    ASSERT_TRUE(sink.wait_for_end_of(child.pid()));
    const std::vector<RecordedActivity> heard = sink.of(child.pid());
    ASSERT_EQ(heard.size(), 2U);
    EXPECT_EQ(heard[0].image, image_of(behaviour_program()));
    EXPECT_TRUE(heard[0].exact);
    EXPECT_EQ(heard[0].parent, static_cast<std::uint32_t>(getpid()));
    EXPECT_FALSE(heard[1].is_start);
}

// Catches: forks without exec never announced.
TEST(Procfs, AForkWithoutExecHasTheImageOfItsParent) {
    RecordingSink sink;
    ProcfsSource source;
    ASSERT_FALSE(source.start(sink));
    ChildProcess parent({behaviour_program(), "fork-and-linger"});
    const pid_t child = std::stoi(parent.read_line());
    ASSERT_TRUE(sink.wait_for_start_of(child));
    EXPECT_EQ(sink.of(child).front().image, image_of(behaviour_program()));
    EXPECT_EQ(sink.of(child).front().parent, static_cast<std::uint32_t>(parent.pid()));
}

// Catches: announcing what existed before, and ignoring its end.
TEST(Procfs, AProcessThatExistedBeforeIsNotAnnouncedButItsEndIs) {
    ChildProcess old({behaviour_program(), "linger"});
    old.read_line();
    RecordingSink sink;
    ProcfsSource source;
    ASSERT_FALSE(source.start(sink));
    old.end_input();
    old.wait();
    ASSERT_TRUE(sink.wait_for_end_of(old.pid()));
    EXPECT_EQ(sink.of(old.pid()).size(), 1U);
}

// A child of this process with the given pid; -1 when the kernel does not give it.
pid_t fork_as(pid_t pid) {
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    arguments.set_tid = reinterpret_cast<std::uint64_t>(&pid);
    arguments.set_tid_size = 1;
    const auto child = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof(arguments)));
    if (child == 0) {
        syscall(SYS_pause);
        _exit(0);
    }
    return child;
}

// Catches: a process known by its pid alone. Each round replaces a process by another one with the same
// pid, mostly between two scans, where nothing else tells them apart.
TEST(Procfs, APidInUseAgainIsAnotherProcess) {
    RecordingSink sink;
    ProcfsSource source;
    ASSERT_FALSE(source.start(sink));
    pid_t pid = 0;
    {
        ChildProcess first({behaviour_program(), "linger"});
        pid = first.pid();
        ASSERT_TRUE(sink.wait_for_start_of(pid));
    }
    constexpr std::size_t kRounds = 10;
    for (std::size_t round = 1; round <= kRounds; ++round) {
        const pid_t child = fork_as(pid);
        if (child != pid) {
            GTEST_SKIP() << "choosing a pid needs CAP_CHECKPOINT_RESTORE, and the pid to be free";
        }
        const bool heard = sink.wait_until([&](const std::vector<RecordedActivity>& activity) {
            return static_cast<std::size_t>(std::count_if(activity.begin(), activity.end(), [&](const auto& one) {
                       return one.pid == static_cast<std::uint32_t>(pid) && one.is_start;
                   })) == round + 1;
        });
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
        ASSERT_TRUE(heard) << "round " << round;
    }
    // Starts and ends alternate.
    const std::vector<RecordedActivity> heard = sink.of(pid);
    for (std::size_t i = 0; i < heard.size(); ++i) {
        EXPECT_EQ(heard[i].is_start, i % 2 == 0);
    }
}

}  // namespace
}  // namespace aegis::test
