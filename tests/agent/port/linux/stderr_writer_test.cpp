// stderr whose reader takes nothing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>

#include "agent/port/port.hpp"
#include "port/linux/child.hpp"

namespace aegis {
namespace {

// Catches: a line that waits for its reader for ever (the test does not end then), and lines that vanish silently.
TEST(StderrWriter, AReaderThatTakesNothingHoldsNobodyUp) {
    const int outcome = test::in_child_with_stdout(STDOUT_FILENO, [] {
        std::array<int, 2> ends = {};
        if (pipe2(ends.data(), O_CLOEXEC) != 0 || dup2(ends[1], STDERR_FILENO) < 0) {
            return 1;
        }
        fcntl(ends[1], F_SETFL, O_NONBLOCK);
        std::array<char, 4096> block = {};
        while (write(ends[1], block.data(), block.size()) > 0) {
        }
        fcntl(ends[1], F_SETFL, 0);
        agent::write_diagnostic("first\n");
        agent::write_diagnostic("second\n");
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        while (read(ends[0], block.data(), block.size()) > 0) {
        }
        agent::write_diagnostic("third\n");
        const ssize_t bytes = read(ends[0], block.data(), block.size());
        const std::string seen(block.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
        return seen == "(2 lines before this one were not taken from stderr)\nthird\n" ? test::kPassed : 2;
    });
    EXPECT_EQ(outcome, test::kPassed);
}

TEST(StderrWriter, ALineArrivesWhole) {
    const int outcome = test::in_child_with_stdout(STDOUT_FILENO, [] {
        std::array<int, 2> ends = {};
        if (pipe2(ends.data(), O_CLOEXEC) != 0 || dup2(ends[1], STDERR_FILENO) < 0) {
            return 1;
        }
        const std::string line = std::string(10'000, 'x') + "\n";
        agent::write_diagnostic(line);
        std::string seen(line.size(), '\0');
        return read(ends[0], seen.data(), seen.size()) == static_cast<ssize_t>(line.size()) && seen == line
                   ? test::kPassed
                   : 2;
    });
    EXPECT_EQ(outcome, test::kPassed);
}

}  // namespace
}  // namespace aegis
