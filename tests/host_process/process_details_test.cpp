// What /proc says of a process beside its image, and how arguments become a command line and arguments again.
#include "driver/host/sources/process_details.hpp"

#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/events/command_line.hpp"
#include "child_process.hpp"
#include "driver/host/sources/nt_clock.hpp"
#include "support/seed.hpp"

namespace aegis::test {
namespace {

using host::sources::DetailBytes;
using host::sources::exit_status_of;
using host::sources::read_details;
using host::sources::to_nt_details;
using host::sources::windows_command_line;

// As the kernel has them.
std::string joined(const std::vector<std::string>& arguments) {
    std::string all;
    for (const std::string& argument : arguments) {
        all.append(argument).push_back('\0');
    }
    return all;
}

std::vector<std::string> taken_apart(std::string_view line) {
    std::vector<std::string> all;
    agent::Lines scratch;
    agent::for_each_argument(line, scratch, [&](std::string_view argument) { all.emplace_back(argument); });
    return all;
}

TEST(WindowsCommandLine, LooksLikeWhatAPersonWrites) {
    EXPECT_EQ(windows_command_line(joined({"/bin/ls", "-l", "/tmp"})), "/bin/ls -l /tmp");
    EXPECT_EQ(windows_command_line(joined({"sh", "-c", "echo \"a b\" \\"})), R"(sh -c "echo \"a b\" \\")");
    EXPECT_EQ(windows_command_line(joined({"a b", ""})), R"("a b" "")");
    EXPECT_EQ(windows_command_line("a title, without an end"), R"("a title, without an end")");
    EXPECT_EQ(windows_command_line(""), "");
}

// Arguments of the characters that matter, at random. Catches: a backslash too many or too few before a quote, a blank
// that separates what was one, an empty argument lost.
TEST(WindowsCommandLine, IsTakenApartIntoTheSameArguments) {
    Random random = random_stream(10);
    constexpr std::string_view kCharacters = "a \"\\\t\n'";
    for (int round = 0; round < 20'000; ++round) {
        std::vector<std::string> arguments(1 + random.below(4));
        for (std::string& argument : arguments) {
            for (std::uint64_t i = random.below(7); i != 0; --i) {
                argument += kCharacters[random.below(kCharacters.size())];
            }
        }
        // What no Windows program could be called.
        std::erase(arguments.front(), '"');
        const std::string line = windows_command_line(joined(arguments));
        ASSERT_EQ(taken_apart(line), arguments) << line;
    }
}

TEST(WindowsCommandLine, AProgramsQuotesAreKeptWhereTheyCanBe) {
    EXPECT_EQ(taken_apart(windows_command_line(joined({"a\"b", "c"}))), (std::vector<std::string>{"a\"b", "c"}));
    EXPECT_EQ(taken_apart(windows_command_line(joined({"\"a b", "c"}))), (std::vector<std::string>{"a b", "c"}));
}

TEST(ExitStatus, IsTheNumberOrThatOfTheSignal) {
    EXPECT_EQ(exit_status_of(0), 0);
    EXPECT_EQ(exit_status_of(3 << 8), 3);
    EXPECT_EQ(exit_status_of(9), 137);
    EXPECT_EQ(exit_status_of(0x80 | 11), 139) << "with a core dump";
}

TEST(ProcessDetails, AreThoseOfTheProcess) {
    ChildProcess child({behaviour_program(), "linger", "two words"});
    child.read_line();
    const DetailBytes bytes = read_details(static_cast<std::uint32_t>(child.pid()));
    ASSERT_TRUE(bytes.owner);
    EXPECT_EQ(bytes.owner->uid, geteuid());
    EXPECT_EQ(bytes.owner->session, static_cast<std::uint32_t>(getsid(child.pid())));
    const auto details = to_nt_details(bytes);
    ASSERT_TRUE(details->command_line);
    const std::string path = behaviour_program();
    const std::u16string program(path.begin(), path.end());
    EXPECT_EQ(*details->command_line, program + u" linger \"two words\"");
    // The kernel counts in ticks of 10 ms.
    EXPECT_LE(details->created, host::sources::nt_now());
    EXPECT_GT(details->created, to_nt_details(read_details(1))->created);
}

TEST(ProcessDetails, OfAProcessThatIsGoneThereAreNone) {
    const DetailBytes bytes = read_details(6'000'000);
    EXPECT_FALSE(bytes.arguments);
    EXPECT_FALSE(bytes.owner);
    const auto details = to_nt_details(bytes);
    EXPECT_FALSE(details->command_line);
    EXPECT_EQ(details->created, 0);
}

// Catches: text that is no UTF-8 handed on, or a line longer than a counted string of NT can be.
TEST(ProcessDetails, AnyBytesBecomeACommandLine) {
    EXPECT_EQ(to_nt_details({.arguments = joined({"a\xFF", "\xC3\xBC"})})->command_line, u"a\uFFFD \u00FC");
    EXPECT_EQ(to_nt_details({.arguments = std::string(100'000, 'x')})->command_line->size(), 32767U);
}

}  // namespace
}  // namespace aegis::test
