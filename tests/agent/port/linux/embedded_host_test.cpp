// Starting and ending a host. Shell scripts play the host: they can fail in every way that matters, on demand.

#include "agent/port/linux/embedded_host.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace aegis {
namespace {

using agent::DeviceChoice;
using agent::EmbeddedHost;
using agent::ExitCode;
using agent::Failure;

// Says that it is ready, then waits for SIGTERM and does `at_end`.
std::string ready_script(const std::string& at_end) {
    return "trap '" + at_end + "' TERM\necho ready >&3\nexec 3>&-\nwhile :; do sleep 0.05; done\n";
}

class EmbeddedHostTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string path = "/tmp/aegis-test-XXXXXX";
        ASSERT_NE(mkdtemp(path.data()), nullptr);
        directory_ = path;
        setenv("TMPDIR", path.c_str(), 1);
        std::array<int, 2> fds = {};
        ASSERT_EQ(pipe2(fds.data(), O_CLOEXEC), 0);
        interrupt_.reset(fds[0]);
        interrupter_.reset(fds[1]);
    }

    void TearDown() override {
        unsetenv("TMPDIR");
        unsetenv("AEGISMON_HOST");
        std::filesystem::remove_all(directory_);
    }

    // The next host is this script.
    void play(const std::string& script) {
        const std::filesystem::path path = directory_ / "host";
        std::ofstream(path) << "#!/bin/sh\n" << script;
        chmod(path.c_str(), S_IRWXU);
        setenv("AEGISMON_HOST", path.c_str(), 1);
    }

    std::optional<Failure> start(EmbeddedHost& host, const DeviceChoice& choice = {}) const {
        return host.start(choice, agent::Patience(std::chrono::seconds(30)), interrupt_.get());
    }

    std::string read_file(const std::string& name) const {
        std::ifstream file(directory_ / name);
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }

    // What is left in TMPDIR beside the test's own files.
    std::size_t leftovers() const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
            count += entry.is_directory() ? 1 : 0;
        }
        return count;
    }

    std::filesystem::path directory_;
    host::UniqueFd interrupt_;
    host::UniqueFd interrupter_;
};

TEST_F(EmbeddedHostTest, IsStartedAndEnded) {
    play(ready_script("exit 0"));
    EmbeddedHost host;
    EXPECT_FALSE(start(host));
    EXPECT_TRUE(host.socket_path().starts_with(directory_.string() + "/aegis-agent-"));
    EXPECT_EQ(leftovers(), 1U);
    EXPECT_FALSE(host.stop());
    EXPECT_EQ(leftovers(), 0U);
}

// Catches: a socket directory that others can enter.
TEST_F(EmbeddedHostTest, ItsSocketIsPrivate) {
    play(ready_script("exit 0"));
    EmbeddedHost host;
    ASSERT_FALSE(start(host));
    struct stat status = {};
    ASSERT_EQ(stat(std::filesystem::path(host.socket_path()).parent_path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

// Catches: a directory left behind by an agent that is killed afterwards.
TEST_F(EmbeddedHostTest, HiddenItLeavesNothingInTheFileSystem) {
    play("touch \"$3\"\n" + ready_script("exit 0"));
    EmbeddedHost host;
    ASSERT_FALSE(start(host));
    ASSERT_TRUE(std::filesystem::exists(host.socket_path()));
    host.hide();
    EXPECT_EQ(leftovers(), 0U);
    EXPECT_FALSE(host.stop());
}

TEST_F(EmbeddedHostTest, GetsWhatTheUserChose) {
    play("echo \"$@\" > " + directory_.string() + "/arguments\n" + ready_script("exit 0"));
    EmbeddedHost host;
    ASSERT_FALSE(start(host, {.path = {}, .source = "synthetic:10", .ring_kib = 128, .seed = 9}));
    EXPECT_EQ(read_file("arguments"), "--embedded --socket " + host.socket_path() +
                                          " --ready-fd 3 --source synthetic:10 --ring-kib 128 --seed 9\n");
}

// Stdout carries events only, and the end is the agent's to give, not Ctrl-C's.
// Catches: a host that inherits stdout or the terminal's process group.
TEST_F(EmbeddedHostTest, HasNoPartInStdoutAndInTheTerminalsSignals) {
    play(
        "test \"$(readlink /proc/$$/fd/1)\" = \"$(readlink /proc/$$/fd/2)\" || exit 41\n"
        "test \"$(cut -d ' ' -f 5 /proc/$$/stat)\" = $$ || exit 42\n" +
        ready_script("exit 0"));
    EmbeddedHost host;
    const std::optional<Failure> failure = start(host);
    EXPECT_FALSE(failure) << failure->message;
}

struct EarlyEnd {
    int host_code;
    ExitCode agent_code;
};

class EmbeddedHostEarlyEnd : public EmbeddedHostTest, public ::testing::WithParamInterface<EarlyEnd> {};

// Catches: an exit code that is not passed on.
TEST_P(EmbeddedHostEarlyEnd, IsPassedOn) {
    play("exit " + std::to_string(GetParam().host_code) + "\n");
    EmbeddedHost host;
    const std::optional<Failure> failure = start(host);
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->exit_code, GetParam().agent_code);
    EXPECT_NE(failure->message.find("exit code " + std::to_string(GetParam().host_code)), std::string::npos)
        << failure->message;
    EXPECT_FALSE(host.stop()) << "it has ended already";
    EXPECT_EQ(leftovers(), 0U);
}

INSTANTIATE_TEST_SUITE_P(All, EmbeddedHostEarlyEnd,
                         ::testing::Values(EarlyEnd{0, ExitCode::kRuntimeFailure},
                                           EarlyEnd{1, ExitCode::kRuntimeFailure}, EarlyEnd{2, ExitCode::kUsage},
                                           EarlyEnd{3, ExitCode::kNoDriver}));

TEST_F(EmbeddedHostTest, ThatIsNotThereIsNamedWithTheRemedy) {
    setenv("AEGISMON_HOST", "/nonexistent/aegismon-host", 1);
    EmbeddedHost host;
    const std::optional<Failure> failure = start(host);
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->exit_code, ExitCode::kNoDriver);
    for (const char* const part : {"/nonexistent/aegismon-host", "No such file", "errno 2", "AEGISMON_HOST"}) {
        EXPECT_NE(failure->message.find(part), std::string::npos) << failure->message;
    }
}

// Catches: a verifier stop that goes unreported because the agent had finished anyway.
TEST_F(EmbeddedHostTest, ThatAbortsAtItsEndIsReported) {
    play(ready_script("kill -ABRT $$"));
    EmbeddedHost host;
    ASSERT_FALSE(start(host));
    const std::optional<Failure> failure = host.stop();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->exit_code, ExitCode::kRuntimeFailure);
    EXPECT_NE(failure->message.find("signal 6"), std::string::npos) << failure->message;
    EXPECT_NE(failure->message.find("verifier"), std::string::npos) << failure->message;
}

TEST_F(EmbeddedHostTest, ThatFailsAtItsEndIsReported) {
    play(ready_script("exit 1"));
    EmbeddedHost host;
    ASSERT_FALSE(start(host));
    const std::optional<Failure> failure = host.stop();
    ASSERT_TRUE(failure);
    EXPECT_NE(failure->message.find("exit code 1"), std::string::npos) << failure->message;
}

// Catches: a Ctrl-C that waits for a host that never gets ready.
TEST_F(EmbeddedHostTest, IsNotWaitedForWhenTheUserWantsToStop) {
    play("trap 'exit 0' TERM\nwhile :; do sleep 0.05; done\n");
    ASSERT_EQ(write(interrupter_.get(), "x", 1), 1);
    EmbeddedHost host;
    const std::optional<Failure> failure = start(host);
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->exit_code, ExitCode::kFinished);
    EXPECT_EQ(leftovers(), 0U);
}

}  // namespace
}  // namespace aegis
