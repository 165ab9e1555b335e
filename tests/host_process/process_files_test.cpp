// What /proc says of a process, and how its image becomes an NT string.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "child_process.hpp"
#include "driver/host/sources/process_files.hpp"
#include "driver/host/unique_fd.hpp"

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

// A folder that only relative paths reach: the kernel takes and gives no longer ones than PATH_MAX at a time.
class DeepFolder {
  public:
    explicit DeepFolder(int depth) : here_(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
        std::string pattern = (fs::temp_directory_path() / "aegis-deep-XXXXXX").string();
        base_ = mkdtemp(pattern.data());
        path_ = fs::canonical(base_).string();
        EXPECT_EQ(chdir(path_.c_str()), 0);
        for (int i = 0; i < depth; ++i) {
            const std::string name = std::string(200, 'd').append("\n").append(std::to_string(i));
            EXPECT_EQ(mkdir(name.c_str(), 0755), 0);
            EXPECT_EQ(chdir(name.c_str()), 0);
            path_.append("/").append(name);
        }
    }
    ~DeepFolder() {
        EXPECT_EQ(fchdir(here_.get()), 0);
        fs::remove_all(base_);
    }
    DeepFolder(const DeepFolder&) = delete;
    DeepFolder& operator=(const DeepFolder&) = delete;

    const std::string& path() const { return path_; }

  private:
    host::UniqueFd here_;
    fs::path base_;
    std::string path_;
};

// Catches: a program in folders so deep that its name is lost, a newline in the path left as the kernel writes it.
TEST(ProcessFiles, APathMayBeLongerThanALinkTells) {
    const DeepFolder folder(40);
    ASSERT_GT(folder.path().size(), std::size_t{PATH_MAX});
    fs::copy_file(behaviour_program(), "program");
    ChildProcess child({"./program", "linger"});
    child.read_line();
    EXPECT_EQ(read_image(id(child)).path, folder.path() + "/program");
    EXPECT_TRUE(read_image(id(child)).exact);
}

// Catches: a length that wraps where NT counts it, the end cut off, a path called exact that is not whole.
TEST(ProcessFiles, APathLongerThanNtCountsLosesItsMiddle) {
    constexpr std::size_t kMostUnits = 32767;
    const std::string end = "/program";
    const std::string longest = std::string("/").append(kMostUnits - 1 - end.size(), 'd').append(end);
    EXPECT_EQ(to_nt_image({longest, true, false})->path.size(), kMostUnits);
    EXPECT_TRUE(to_nt_image({longest, true, false})->exact);
    for (const std::size_t more : {1U, 2U, 100'000U}) {
        const auto image = to_nt_image({std::string("/begin").append(more, 'd').append(longest), true, false});
        EXPECT_EQ(image->path.size(), kMostUnits) << more;
        EXPECT_TRUE(image->path.starts_with(u"/begin"));
        EXPECT_TRUE(image->path.ends_with(u"/program"));
        EXPECT_NE(image->path.find(u"..."), std::u16string::npos);
        EXPECT_FALSE(image->exact);
    }
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
