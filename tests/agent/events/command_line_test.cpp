#include "agent/events/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace aegis {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> arguments(std::string_view line) {
    std::vector<std::string> all;
    agent::Lines scratch;
    agent::for_each_argument(line, scratch, [&](std::string_view argument) { all.emplace_back(argument); });
    return all;
}

TEST(CommandLine, BlanksSeparateArguments) {
    EXPECT_THAT(arguments(""), IsEmpty());
    EXPECT_THAT(arguments("a"), ElementsAre("a"));
    EXPECT_THAT(arguments("a b\t c  "), ElementsAre("a", "b", "c"));
    EXPECT_THAT(arguments("a b\nc"), ElementsAre("a", "b\nc"));
}

// Catches: escapes in the program's name, where there are none; its end at a blank within quotes.
TEST(CommandLine, TheProgramHasRulesOfItsOwn) {
    EXPECT_THAT(arguments(R"("C:\Program Files\" x)"), ElementsAre(R"(C:\Program Files\)", "x"));
    EXPECT_THAT(arguments(R"(C:\a\"b c)"), ElementsAre(R"(C:\a\"b)", "c"));
    EXPECT_THAT(arguments(R"("no end)"), ElementsAre("no end"));
    EXPECT_THAT(arguments(R"("a"b)"), ElementsAre("a", "b"));
    EXPECT_THAT(arguments(" a"), ElementsAre("", "a"));
}

// The table that Microsoft documents for argv. Catches: an odd number of backslashes taken for an even one; backslashes
// halved where no quote follows.
TEST(CommandLine, BackslashesAndQuotes) {
    EXPECT_THAT(arguments(R"(p "a b c" d e)"), ElementsAre("p", "a b c", "d", "e"));
    EXPECT_THAT(arguments(R"(p "ab\"c" "\\" d)"), ElementsAre("p", "ab\"c", "\\", "d"));
    EXPECT_THAT(arguments(R"(p a\\\b d"e f"g h)"), ElementsAre("p", R"(a\\\b)", "de fg", "h"));
    EXPECT_THAT(arguments(R"(p a\\\"b c d)"), ElementsAre("p", R"(a\"b)", "c", "d"));
    EXPECT_THAT(arguments(R"(p a\\\\"b c" d e)"), ElementsAre("p", R"(a\\b c)", "d", "e"));
    EXPECT_THAT(arguments(R"(p a"b"" c d)"), ElementsAre("p", "ab\" c d"));
    EXPECT_THAT(arguments(R"(p "" x)"), ElementsAre("p", "", "x"));
    EXPECT_THAT(arguments(R"(p a\\)"), ElementsAre("p", R"(a\\)"));
}

}  // namespace
}  // namespace aegis
