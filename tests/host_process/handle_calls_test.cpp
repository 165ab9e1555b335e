// Which rights a system call that gets at another process amounts to.

#include "driver/host/sources/handle_calls.hpp"

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <optional>

#include "driver/host/unique_fd.hpp"

namespace aegis::test {
namespace {

using host::sources::handle_access;
using host::sources::HandleAccess;
using host::sources::HandleCall;

constexpr std::uint32_t kAttach = 0x0839;

std::optional<HandleAccess> of(HandleCall call, std::uint64_t a, std::uint64_t b = 0, std::uint64_t c = 0) {
    return handle_access(call, {a, b, c});
}

// Catches: the arguments of one call taken for another's; a right too many or too few.
TEST(HandleCalls, EachAsksForItsRights) {
    EXPECT_EQ(of(HandleCall::kPtrace, PTRACE_ATTACH, 7)->access, kAttach);
    EXPECT_EQ(of(HandleCall::kPtrace, PTRACE_SEIZE, 7)->thread_id, 7U);
    EXPECT_EQ(of(HandleCall::kReadMemory, 7)->access, 0x0010U);
    EXPECT_EQ(of(HandleCall::kWriteMemory, 7)->access, 0x0028U);
    EXPECT_EQ(of(HandleCall::kOpenPidfd, 7)->access, 0x101001U);
    EXPECT_EQ(of(HandleCall::kOpenPidfd, 7)->process_id, 7U);
    EXPECT_EQ(of(HandleCall::kGetDescriptor, 5, 9)->descriptor, 5);
    EXPECT_EQ(of(HandleCall::kGetDescriptor, 5, 9)->access, 0x0040U);
    EXPECT_EQ(of(HandleCall::kKill, 7, SIGKILL)->access, 0x0001U);
    EXPECT_EQ(of(HandleCall::kKill, 7, SIGKILL)->process_id, 7U);
    EXPECT_EQ(of(HandleCall::kKill, 7, SIGUSR1)->access, 0x0001U) << "which ends who says nothing else";
    EXPECT_EQ(of(HandleCall::kKill, 7, SIGSTOP)->access, 0x0800U);
    EXPECT_EQ(of(HandleCall::kKill, 7, SIGCONT)->access, 0x0800U);
    EXPECT_FALSE(of(HandleCall::kKill, 7, SIGKILL)->of_thread);
    const HandleAccess thread = *of(HandleCall::kThreadKill, 7, 8, SIGSTOP);
    EXPECT_EQ(thread.process_id, 7U);
    EXPECT_EQ(thread.thread_id, 8U);
    EXPECT_EQ(thread.access, 0x0002U);
    EXPECT_TRUE(thread.of_thread);
    EXPECT_EQ(of(HandleCall::kOtherThreadKill, 8, SIGTERM)->thread_id, 8U);
    EXPECT_EQ(of(HandleCall::kOtherThreadKill, 8, SIGTERM)->process_id, 0U);
}

// Catches: a look whether a process is there that is told as its end; groups told as processes.
TEST(HandleCalls, SomeGetAtNobody) {
    for (const int request : {PTRACE_TRACEME, PTRACE_PEEKDATA, PTRACE_CONT, PTRACE_DETACH}) {
        EXPECT_FALSE(of(HandleCall::kPtrace, static_cast<std::uint64_t>(request), 7));
    }
    for (const int signal : {0, SIGCHLD, SIGURG, SIGWINCH}) {
        EXPECT_FALSE(of(HandleCall::kKill, 7, static_cast<std::uint64_t>(signal)));
        EXPECT_FALSE(of(HandleCall::kThreadKill, 7, 8, static_cast<std::uint64_t>(signal)));
    }
    EXPECT_FALSE(of(HandleCall::kKill, 0, SIGKILL));
    EXPECT_FALSE(of(HandleCall::kKill, static_cast<std::uint64_t>(-1), SIGKILL));
    EXPECT_FALSE(of(HandleCall::kKill, static_cast<std::uint64_t>(std::uint32_t(-1)), SIGKILL))
        << "as a compiler may leave it";
}

TEST(HandleCalls, AThreadsProcessIsFound) {
    EXPECT_EQ(host::sources::process_of_thread(static_cast<std::uint32_t>(gettid())),
              static_cast<std::uint32_t>(getpid()));
    // Above every number of Linux.
    EXPECT_EQ(host::sources::process_of_thread(0x00800000), 0x00800000U);
}

TEST(HandleCalls, TheProcessBehindAPidfdIsFound) {
    const auto self = static_cast<std::uint32_t>(getpid());
    const host::UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, getppid(), 0)));
    ASSERT_TRUE(pidfd);
    EXPECT_EQ(host::sources::process_of_pidfd(self, pidfd.get()), static_cast<std::uint32_t>(getppid()));
    EXPECT_FALSE(host::sources::process_of_pidfd(self, 0)) << "no pidfd";
    EXPECT_FALSE(host::sources::process_of_pidfd(0x00800000, 3));
}

}  // namespace
}  // namespace aegis::test
