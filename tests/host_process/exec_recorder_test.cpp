// The kernel's record of started programs, read when the processes are long gone.
#include "driver/host/sources/exec_recorder.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "child_process.hpp"

namespace aegis::test {
namespace {

using host::sources::ExecRecorder;
using host::sources::ImageBytes;
namespace fs = std::filesystem;

std::string real_path(const std::string& program) {
    return fs::canonical(program).string();
}

class TemporaryProgram {
  public:
    explicit TemporaryProgram(const std::string& content) {
        std::string pattern = (fs::temp_directory_path() / "aegis-program-XXXXXX").string();
        folder_ = mkdtemp(pattern.data());
        std::ofstream(path()) << content;
        chmod(path().c_str(), 0700);
    }
    ~TemporaryProgram() { fs::remove_all(folder_); }
    TemporaryProgram(const TemporaryProgram&) = delete;
    TemporaryProgram& operator=(const TemporaryProgram&) = delete;

    std::string path() const { return (folder_ / "program").string(); }

  private:
    fs::path folder_;
};

// The bytes of a program, but the dynamic linker that it names does not exist.
std::string without_linker(const std::string& program) {
    std::ifstream file(program, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    bytes.replace(bytes.find("/ld-linux"), 3, "/no");
    return bytes;
}

class ExecRecorderTest : public testing::Test {
  protected:
    void SetUp() override {
        if (const auto error = recorder_.start()) {
            GTEST_SKIP() << *error;
        }
    }

    std::uint32_t run(const std::vector<std::string>& command) {
        ChildProcess child(command);
        child.wait();
        recorder_.receive();
        return static_cast<std::uint32_t>(child.pid());
    }

    // A process that executes what it can of `programs`: the first that the kernel accepts.
    std::uint32_t run_first_of(const std::vector<std::string>& programs) {
        const pid_t pid = fork();
        if (pid == 0) {
            for (const std::string& program : programs) {
                execl(program.c_str(), program.c_str(), nullptr);
            }
            _exit(1);
        }
        waitpid(pid, nullptr, 0);
        recorder_.receive();
        return static_cast<std::uint32_t>(pid);
    }

    // What is recorded of a process that nothing else is known of.
    std::vector<std::string> programs_of(std::uint32_t pid) {
        std::vector<std::string> programs;
        for (;;) {
            const ImageBytes image = recorder_.image_of_exec(pid, {});
            if (!image.exact) {
                return programs;
            }
            programs.push_back(image.path);
        }
    }

    ExecRecorder recorder_;
};

// Catches: the dynamic linker, which is opened for execution as well, taken for another program.
TEST_F(ExecRecorderTest, ADynamicProgramIsRecordedWithoutItsLinker) {
    const std::uint32_t pid = run({"/bin/true"});
    EXPECT_EQ(programs_of(pid), std::vector{real_path("/bin/true")});
}

// Catches: the script reported instead of the program that /proc/PID/exe would name.
TEST_F(ExecRecorderTest, OfAScriptTheInterpreterIsRecorded) {
    const TemporaryProgram script("#!/bin/sh\nexit 0\n");
    EXPECT_EQ(programs_of(run({script.path()})), std::vector{real_path("/bin/sh")});
}

// Catches: execs of one process confused; a program missed because the kernel reported the linker that
// it shares with the one before only once.
TEST_F(ExecRecorderTest, EachExecOfAProcessHasItsOwnProgramInOrder) {
    const std::uint32_t pid = run({"/bin/sh", "-c", "exec /usr/bin/env /bin/true"});
    EXPECT_EQ(programs_of(pid), (std::vector{real_path("/bin/sh"), real_path("/usr/bin/env"), real_path("/bin/true")}));
}

// Catches: the linker taken for a program where the kernel reported it once more, because the first was read already.
TEST_F(ExecRecorderTest, ALinkerSeenBeforeIsNoProgram) {
    ChildProcess child({"/bin/sh", "-c", "echo; read line; exec /bin/true"});
    child.read_line();
    recorder_.receive();
    child.end_input();
    child.wait();
    recorder_.receive();
    EXPECT_EQ(programs_of(static_cast<std::uint32_t>(child.pid())),
              (std::vector{real_path("/bin/sh"), real_path("/bin/true")}));
}

// Catches: what /proc says after a second exec reported as the program of the first.
TEST_F(ExecRecorderTest, ALaterExecDoesNotHideTheFirst) {
    const std::uint32_t pid = run({"/bin/sh", "-c", "exec /bin/true"});
    const ImageBytes later{real_path("/bin/true"), true, false};
    EXPECT_EQ(recorder_.image_of_exec(pid, later).path, real_path("/bin/sh"));
    EXPECT_EQ(recorder_.image_of_exec(pid, later).path, real_path("/bin/true"));
}

// Catches: a program that could not be started reported in place of the one that was.
TEST_F(ExecRecorderTest, AnExecThatFailedIsNotReported) {
    const TemporaryProgram broken(without_linker("/bin/true"));
    EXPECT_EQ(programs_of(run_first_of({broken.path(), "/bin/true"})), std::vector{real_path("/bin/true")});
}

// Catches: a program vouched for that is not the one that was seen running.
TEST_F(ExecRecorderTest, WhatWasSeenAndNotRecordedIsBelieved) {
    const std::uint32_t pid = run({"/bin/true"});
    EXPECT_EQ(recorder_.image_of_exec(pid, {"/elsewhere", true, false}).path, "/elsewhere");
    EXPECT_EQ(programs_of(pid), std::vector<std::string>{});
}

// Catches: a record that outlives its process and speaks for the next of the same number.
TEST_F(ExecRecorderTest, AnEndedProcessHasNoRecord) {
    const std::uint32_t pid = run({"/bin/true"});
    recorder_.forget(pid);
    EXPECT_EQ(programs_of(pid), std::vector<std::string>{});
}

// Catches: an unreadable descriptor or a leak of one for each program.
TEST_F(ExecRecorderTest, NothingStaysOpen) {
    const auto open_files = [] {
        return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
    };
    run({"/bin/true"});
    const auto before = open_files();
    for (int i = 0; i < 20; ++i) {
        run({"/bin/true"});
    }
    EXPECT_EQ(open_files(), before);
}

TEST(ExecRecorder, KnowsNothingBeforeItIsStarted) {
    ExecRecorder recorder;
    recorder.receive();
    EXPECT_EQ(recorder.image_of_exec(1, {"seen", true, false}).path, "seen");
}

}  // namespace
}  // namespace aegis::test
