// The program aegismon-host as a user or an agent starts it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "child_process.hpp"
#include "device_client.hpp"
#include "eventually.hpp"
#include "host_program.hpp"

namespace aegis::test {
namespace {

using namespace host::client;

// The exit code of a host that is not expected to stay.
int exit_code_of(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {host_program()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    ChildProcess host(all);
    const int status = host.wait();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(HostProgram, ExitCodesSayWhatWasWrong) {
    const TemporaryDirectory directory;
    const std::string socket = directory.path() / "socket";
    EXPECT_EQ(exit_code_of({"--version"}), 0);
    EXPECT_EQ(exit_code_of({"--help"}), 0);
    EXPECT_EQ(exit_code_of({"--no-such-option"}), 2);
    EXPECT_EQ(exit_code_of({"--source", "etw"}), 2);
    for (const char* const kib : {"many", "63", "69633", "-64", ""}) {
        EXPECT_EQ(exit_code_of({"--ring-kib", kib}), 2) << kib;
    }
    for (const char* const seed : {"-1", "x", "18446744073709551616"}) {
        EXPECT_EQ(exit_code_of({"--seed", seed}), 2) << seed;
    }
    for (const char* const fd : {"-1", "x", "1000", "4294967296"}) {
        EXPECT_EQ(exit_code_of({"--ready-fd", fd}), 2) << fd;
    }
    EXPECT_EQ(exit_code_of({"--socket", "/no/such/directory/socket", "--source", "synthetic:1"}), 1);
    EXPECT_EQ(exit_code_of({"--socket", socket + std::string(200, 'x'), "--source", "synthetic:1"}), 1);
}

// Catches: a source that cannot work ending like any other failure.
TEST(HostProgram, ASourceThatCannotWorkHasAnExitCodeOfItsOwn) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root to leave the network namespace";
    }
    const TemporaryDirectory directory;
    ChildProcess host({"/usr/bin/unshare", "-n", host_program(), "--source", "connector", "--socket",
                       (directory.path() / "socket").string()});
    const int status = host.wait();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 3) << status;
}

// Catches: removing a socket that somebody serves, refusing one that nobody does, and removing any other file.
TEST(HostProgram, OnlyASocketThatNobodyServesIsReplaced) {
    HostProgram first({"--source", "synthetic:1"});
    EXPECT_EQ(exit_code_of({"--source", "synthetic:1", "--socket", first.socket_path()}), 1);
    EXPECT_EQ(DeviceClient(first.socket_path()).status(), kStatusSuccess) << "the first host still serves";
    first.end(SIGKILL);
    ASSERT_TRUE(std::filesystem::exists(first.socket_path()));
    EXPECT_EQ(DeviceClient(first.socket_path()).status(), kStatusObjectNameNotFound);

    ChildProcess second({host_program(), "--source", "synthetic:1", "--socket", first.socket_path()});
    EXPECT_TRUE(eventually([&] { return DeviceClient(first.socket_path()).status() == kStatusSuccess; }));
    second.signal(SIGINT);
    const int status = second.wait();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    EXPECT_FALSE(std::filesystem::exists(first.socket_path())) << "a host that ends takes its socket along";

    std::ofstream(first.socket_path()) << "precious";
    EXPECT_EQ(exit_code_of({"--source", "synthetic:1", "--socket", first.socket_path()}), 1);
    EXPECT_TRUE(std::filesystem::is_regular_file(first.socket_path()));
}

// Catches: the option not reaching the driver.
TEST(HostProgram, TheSizeOfTheRingReachesTheDriver) {
    HostProgram host({"--source", "synthetic:1", "--ring-kib", "128"});
    DeviceClient client(host.socket_path());
    EXPECT_EQ(client.setup_ring().reply.CellCount, (128U - 4) * 1024 / AEGIS_CELL_BYTES);
    EXPECT_EQ(host.errors(), "");
}

// Catches: the option of earlier releases taken in silence, or refused without saying what replaces it.
TEST(HostProgram, RefusesTheOldSizeOfTheRing) {
    EXPECT_EQ(exit_code_of({"--slot-count", "4096"}), 2);
}

// Catches: a host that outlives the agent that started it.
TEST(HostProgram, AnEmbeddedHostEndsWithItsParent) {
    const TemporaryDirectory directory;
    const std::string socket = directory.path() / "socket";
    // The shell stays the parent until its input ends.
    ChildProcess shell({"/bin/sh", "-c",
                        host_program() + " --embedded --source synthetic:1 --socket " + socket +
                            " </dev/null >/dev/null & echo $!; read nothing"});
    const pid_t host = std::stoi(shell.read_line());
    const host::UniqueFd ended(static_cast<int>(syscall(SYS_pidfd_open, host, 0)));
    ASSERT_TRUE(ended);
    ASSERT_TRUE(eventually([&] { return DeviceClient(socket).status() == kStatusSuccess; }));
    kill(host, SIGINT);
    EXPECT_EQ(DeviceClient(socket).status(), kStatusSuccess) << "Ctrl-C is the parent's business";
    shell.signal(SIGKILL);
    shell.wait();
    pollfd end = {ended.get(), POLLIN, 0};
    EXPECT_EQ(poll(&end, 1, 60'000), 1);
    EXPECT_FALSE(std::filesystem::exists(socket));
}

TEST(HostProgram, TheDefaultSocketIsPrivateToTheUser) {
    setenv("XDG_RUNTIME_DIR", "/run/user/77", 1);
    EXPECT_EQ(default_socket_path(), geteuid() == 0 ? "/run/aegismon/aegismon.sock" : "/run/user/77/aegismon.sock");
    if (geteuid() == 0 && seteuid(65534) == 0) {
        EXPECT_EQ(default_socket_path(), "/run/user/77/aegismon.sock");
        unsetenv("XDG_RUNTIME_DIR");
        EXPECT_EQ(default_socket_path(), "/tmp/aegismon-65534/aegismon.sock");
        EXPECT_EQ(seteuid(0), 0);
    }
}

// Catches: a path refused because another user prepared its directory is used all the same.
TEST(HostProgram, ADirectoryThatOthersCanWriteIsNotUsed) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root to become another user";
    }
    const std::filesystem::path trap = "/tmp/aegismon-65533";
    if (!std::filesystem::create_directory(trap)) {
        GTEST_SKIP() << trap << " exists";
    }
    ChildProcess host({"/usr/bin/setpriv", "--reuid", "65533", "--clear-groups", "/usr/bin/env", "-u",
                       "XDG_RUNTIME_DIR", host_program(), "--source", "synthetic:1"});
    const int status = host.wait();
    std::filesystem::remove_all(trap);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << status;
}

}  // namespace
}  // namespace aegis::test
