// Who becomes a client of the host, and who came too late.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <memory>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/memory/local_address_space.hpp"
#include "driver/host/server/process_table.hpp"

namespace aegis::test {
namespace {

// A child that waits for its end; ended, it stays a zombie until this goes.
class Zombie {
  public:
    Zombie() : pid_(::fork()) {
        if (pid_ == 0) {
            ::pause();
            ::_exit(0);
        }
    }
    ~Zombie() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Zombie(const Zombie&) = delete;
    Zombie& operator=(const Zombie&) = delete;

    void end() const {
        ::kill(pid_, SIGKILL);
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
    }

    std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }

    host::server::Peer peer() const {
        return {pid(), ::getuid(), host::Account::kAdministrator,
                host::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)))};
    }

  private:
    const pid_t pid_;
};

class Admission : public testing::Test {
  protected:
    void SetUp() override { ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets_.data()), 0); }
    void TearDown() override {
        ::close(sockets_[0]);
        ::close(sockets_[1]);
    }

    host::server::ProcessTable::Admission admit(const Zombie& process) {
        return processes_.admit(process.peer(), sockets_[0], sockets_[1], {0x10000000, 0x10000000});
    }

    // Whether the executive has a client of this pid, alive as far as it knows.
    bool is_client(const Zombie& process) {
        const host::ProcessRef created = executive_.create_process(process.pid(), host::Account::kAdministrator,
                                                                   std::make_unique<host::LocalAddressSpace>());
        return created == nullptr;
    }

    host::Executive executive_;
    host::server::ProcessTable processes_{executive_};
    std::array<int, 2> sockets_{};
};

// Its greeting was in the socket when it ended.
// Catches: a process made a client after its end, which the driver then hears of once more.
TEST_F(Admission, AProcessThatHasEndedIsNoClientAnyMore) {
    const Zombie process;
    process.end();
    const auto admission = admit(process);
    EXPECT_EQ(admission.status, STATUS_PROCESS_IS_TERMINATING);
    EXPECT_EQ(admission.process, nullptr);
    EXPECT_EQ(processes_.find(process.pid()), nullptr);
    EXPECT_FALSE(is_client(process));
}

// The same with an end that the host has dealt with, by the greeting of a second connection.
TEST_F(Admission, AClientThatHasEndedDoesNotComeBack) {
    const Zombie process;
    ASSERT_EQ(admit(process).status, STATUS_SUCCESS);
    process.end();
    EXPECT_EQ(admit(process).status, STATUS_PROCESS_IS_TERMINATING);
    EXPECT_EQ(processes_.find(process.pid()), nullptr);
    EXPECT_FALSE(is_client(process));
}

}  // namespace
}  // namespace aegis::test
