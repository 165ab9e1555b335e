// stdout as users give it: pipes nobody reads, full disks, files, sockets.

#include "agent/port/linux/stdout_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>

#include "port/linux/child.hpp"

namespace aegis {
namespace {

using agent::StdoutWriter;
using agent::WriteResult;
using agent::WriteStatus;
using host::UniqueFd;
using test::in_child_with_stdout;
using test::kPassed;

const std::string kText(1U << 16U, 'x');

struct Ends {
    UniqueFd reader;
    UniqueFd writer;
};

Ends make_pipe() {
    std::array<int, 2> fds = {};
    EXPECT_EQ(pipe2(fds.data(), O_CLOEXEC), 0);
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Ends make_socket_pair() {
    std::array<int, 2> fds = {};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Writes until stdout takes nothing any more, and is then given up by another thread. The exit code is the step that
// went wrong.
int fill_until_abandoned() {
    StdoutWriter writer;
    std::thread impatient([&writer] {
        pollfd fds = {STDOUT_FILENO, POLLOUT, 0};
        while (poll(&fds, 1, 0) != 0) {
            std::this_thread::yield();
        }
        writer.abandon();
    });
    int code = kPassed;
    for (bool writing = true; writing;) {
        const WriteResult result = writer.write(kText);
        writing = result.status == WriteStatus::kWritten && result.bytes > 0;
        code = writing || result.status == WriteStatus::kAbandoned ? kPassed : 1;
    }
    impatient.join();
    return code;
}

// Catches: a write that blocks when nobody reads: the child would hang, and with it the test.
TEST(StdoutWriter, AFullPipeIsGivenUpWhenAbandoned) {
    const Ends ends = make_pipe();
    EXPECT_EQ(in_child_with_stdout(ends.writer.get(), fill_until_abandoned), kPassed);
}

TEST(StdoutWriter, AFullSocketIsGivenUpWhenAbandoned) {
    const Ends ends = make_socket_pair();
    EXPECT_EQ(in_child_with_stdout(ends.writer.get(), fill_until_abandoned), kPassed);
}

// Catches: O_NONBLOCK set on the description that stdout shares with the shell and with other programs.
TEST(StdoutWriter, TheFlagsOthersShareStayAsTheyWere) {
    const Ends ends = make_pipe();
    EXPECT_EQ(in_child_with_stdout(ends.writer.get(), fill_until_abandoned), kPassed);
    EXPECT_EQ(fcntl(ends.writer.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(StdoutWriter, AReaderThatHasGoneIsToldApartFromAnError) {
    Ends ends = make_pipe();
    ends.reader.reset();
    EXPECT_EQ(in_child_with_stdout(ends.writer.get(),
                                   [] {
                                       StdoutWriter writer;
                                       return writer.write(kText).status == WriteStatus::kClosed ? kPassed : 1;
                                   }),
              kPassed);
}

TEST(StdoutWriter, AFullDiskIsAnErrorWithItsNumber) {
    const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(full);
    EXPECT_EQ(in_child_with_stdout(full.get(),
                                   [] {
                                       StdoutWriter writer;
                                       const WriteResult result = writer.write(kText);
                                       const bool named = result.error == "No space left on device (errno 28)";
                                       return result.status == WriteStatus::kFailed && named ? kPassed : 1;
                                   }),
              kPassed);
}

// Catches: a file opened once more, whose second description starts at offset 0 and overwrites what is there.
TEST(StdoutWriter, AFileIsContinuedWhereItStands) {
    std::FILE* const file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    std::fputs("before ", file);
    std::fflush(file);
    EXPECT_EQ(in_child_with_stdout(fileno(file),
                                   [] {
                                       StdoutWriter writer;
                                       return writer.write("after").bytes == 5 ? kPassed : 1;
                                   }),
              kPassed);
    std::array<char, 32> text = {};
    std::rewind(file);
    EXPECT_STREQ(std::fgets(text.data(), text.size(), file), "before after");
    std::fclose(file);
}

constexpr rlim_t kMostFileBytes = 100;

// Writes 30 bytes at a time, as the port does, until the file is full: 10 bytes of the last piece are there.
WriteResult fill(StdoutWriter& writer) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {kMostFileBytes, kMostFileBytes};
    setrlimit(RLIMIT_FSIZE, &limit);
    std::string_view piece = "12345678901234567890123456789\n";
    for (;;) {
        WriteResult result = writer.write(piece);
        if (result.status != WriteStatus::kWritten) {
            return result;
        }
        piece.remove_prefix(result.bytes == piece.size() ? 0 : result.bytes);
    }
}

struct File {
    std::FILE* stream = std::tmpfile();
    ~File() { std::fclose(stream); }

    int descriptor() const { return fileno(stream); }
    off_t size() const {
        struct stat status = {};
        fstat(descriptor(), &status);
        return status.st_size;
    }
};

// Catches: half a line that stays, a gap of zeros where the file goes on behind it.
TEST(StdoutWriter, ABrokenLineIsTakenBackFromAFile) {
    for (const int flags : {0, O_APPEND}) {
        const File file;
        fcntl(file.descriptor(), F_SETFL, flags);
        EXPECT_EQ(in_child_with_stdout(file.descriptor(),
                                       [] {
                                           StdoutWriter writer;
                                           const bool named = fill(writer).error == "File too large (errno 27)";
                                           return named && writer.take_back(10) ? kPassed : 1;
                                       }),
                  kPassed);
        EXPECT_EQ(file.size(), 90);
        EXPECT_EQ(write(file.descriptor(), "next\n", 5), 5);
        EXPECT_EQ(file.size(), 95) << "whoever shares the descriptor goes on behind the last line";
    }
}

// Catches: somebody else's text taken for the end of the broken line.
TEST(StdoutWriter, WhatOthersWroteIsNotTakenBack) {
    const File file;
    EXPECT_EQ(in_child_with_stdout(file.descriptor(),
                                   [] {
                                       StdoutWriter writer;
                                       fill(writer);
                                       // Another description of the same file, and not beyond the limit.
                                       if (ftruncate(STDOUT_FILENO, 60) != 0 || writer.take_back(10)) {
                                           return 1;
                                       }
                                       // The same description: our own messages, with 2>&1.
                                       lseek(STDOUT_FILENO, 60, SEEK_SET);
                                       const bool written = write(STDOUT_FILENO, "warning\n", 8) == 8;
                                       return written && !writer.take_back(10) ? kPassed : 2;
                                   }),
              kPassed);
    EXPECT_EQ(file.size(), 68);
}

TEST(StdoutWriter, NothingIsTakenBackFromAFileThatTookAllOrFromAPipe) {
    const File file;
    const Ends ends = make_pipe();
    for (const int descriptor : {file.descriptor(), ends.writer.get()}) {
        EXPECT_EQ(in_child_with_stdout(descriptor,
                                       [] {
                                           StdoutWriter writer;
                                           const bool written = writer.write("whole\n").bytes == 6;
                                           return written && !writer.take_back(6) ? kPassed : 1;
                                       }),
                  kPassed);
    }
    EXPECT_EQ(file.size(), 6);
}

TEST(StdoutWriter, WithoutStdoutEveryWriteFails) {
    const Ends ends = make_pipe();
    EXPECT_EQ(in_child_with_stdout(ends.writer.get(),
                                   [] {
                                       close(STDOUT_FILENO);
                                       // As the port does: nothing the agent opens may become its stdout.
                                       static_cast<void>(open("/dev/null", O_RDONLY));
                                       StdoutWriter writer;
                                       return writer.write("x").status == WriteStatus::kFailed ? kPassed : 1;
                                   }),
              kPassed);
}

}  // namespace
}  // namespace aegis
