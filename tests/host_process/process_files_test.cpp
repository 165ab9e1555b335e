// What /proc says of a process, and how its image becomes an NT string.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "child_process.hpp"
#include "driver/host/sources/process_files.hpp"

namespace aegis::test {
namespace {

using host::sources::read_image;
using host::sources::to_nt_image;
namespace fs = std::filesystem;

class ProgramCopy {
  public:
    explicit ProgramCopy(const std::string& name) {
        std::string pattern = (fs::temp_directory_path() / "aegis-image-XXXXXX").string();
        directory_ = mkdtemp(pattern.data());
        path_ = directory_ / name;
        fs::copy_file(behaviour_program(), path_);
    }
    ~ProgramCopy() { fs::remove_all(directory_); }
    ProgramCopy(const ProgramCopy&) = delete;
    ProgramCopy& operator=(const ProgramCopy&) = delete;

    std::string path() const { return fs::canonical(directory_).string() + "/" + path_.filename().string(); }
    void remove() const { fs::remove(path_); }

  private:
    fs::path directory_;
    fs::path path_;
};

std::uint32_t id(const ChildProcess& child) {
    return static_cast<std::uint32_t>(child.pid());
}

TEST(ProcessFiles, TheImageIsThePathTheProgramWasStartedFrom) {
    ChildProcess child({behaviour_program(), "linger"});
    child.read_line();
    EXPECT_EQ(read_image(id(child)).path, fs::canonical(behaviour_program()).string());
    EXPECT_TRUE(read_image(id(child)).exact);
}

// Catches: " (deleted)" reported as part of the name.
TEST(ProcessFiles, AFileDeletedSinceKeepsItsName) {
    const ProgramCopy program("program");
    ChildProcess child({program.path(), "linger"});
    child.read_line();
    const std::string path = program.path();
    program.remove();
    EXPECT_EQ(read_image(id(child)).path, path);
    EXPECT_TRUE(read_image(id(child)).exact);
}

// Catches: " (deleted)" cut off without looking.
TEST(ProcessFiles, AFileMayBeCalledDeleted) {
    const ProgramCopy program("program (deleted)");
    ChildProcess child({program.path(), "linger"});
    child.read_line();
    EXPECT_EQ(read_image(id(child)).path, program.path());
}

// Catches: a path made up for a process that has none any more.
TEST(ProcessFiles, OfAProcessThatEndedOnlyTheShortNameIsLeft) {
    ChildProcess child({"/bin/true"});
    siginfo_t info;
    ASSERT_EQ(waitid(P_PID, id(child), &info, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(read_image(id(child)).path, "true");
    EXPECT_FALSE(read_image(id(child)).exact);
    child.wait();
    EXPECT_EQ(read_image(id(child)).path, "");
    EXPECT_FALSE(read_image(id(child)).exact);
}

// Catches: bytes passed through, dropped, or vouched for.
TEST(ProcessFiles, BytesThatAreNotUtf8AreReplacedAndTheImageIsNotExact) {
    EXPECT_EQ(to_nt_image({"/a\xFF/b", true, false})->path, u"/a\uFFFD/b");
    EXPECT_FALSE(to_nt_image({"/a\xFF/b", true, false})->exact);
    EXPECT_EQ(to_nt_image({"/cut\xE2\x82", true, false})->path, u"/cut\uFFFD");
    EXPECT_EQ(to_nt_image({"/\xED\xA0\x80", true, false})->path, u"/\uFFFD");
}

TEST(ProcessFiles, Utf8BecomesUtf16) {
    EXPECT_EQ(to_nt_image({"/j\xC3\xBCrgen/\xF0\x9F\x98\x80", true, false})->path, u"/j\u00FCrgen/\U0001F600");
    EXPECT_TRUE(to_nt_image({"/j\xC3\xBCrgen", true, false})->exact);
    EXPECT_FALSE(to_nt_image({"/j\xC3\xBCrgen", false, false})->exact);
}

// Catches: fields counted from the first parenthesis.
TEST(ProcessFiles, TheCommandNameMayLookLikeTheFieldsAfterIt) {
    const ProgramCopy program("a) Z 1 (b");
    ChildProcess child({program.path(), "linger"});
    child.read_line();
    const auto stat = host::sources::read_stat(id(child));
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->parent, static_cast<std::uint32_t>(getpid()));
    EXPECT_FALSE(stat->has_ended());
    EXPECT_EQ(stat->threads, 1);
}

// Catches: judging a process by its first thread.
TEST(ProcessFiles, AProcessLivesAsLongAsOneOfItsThreads) {
    ChildProcess child({behaviour_program(), "leader-ends-first"});
    child.read_line();
    while (!host::sources::read_stat(id(child))->has_ended()) {
        sched_yield();
    }
    EXPECT_TRUE(host::sources::any_thread_alive(id(child)));
    EXPECT_FALSE(host::sources::every_thread_exiting(id(child)));
    child.end_input();
    siginfo_t info;
    ASSERT_EQ(waitid(P_PID, id(child), &info, WEXITED | WNOWAIT), 0);
    EXPECT_FALSE(host::sources::any_thread_alive(id(child)));
    EXPECT_TRUE(host::sources::every_thread_exiting(id(child)));
}

}  // namespace
}  // namespace aegis::test
