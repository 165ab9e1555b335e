#include "agent/events/utf16.hpp"

#include <gtest/gtest.h>
#include <utf8.h>

#include <cstdint>
#include <string>

#include "support/random.hpp"
#include "support/seed.hpp"

namespace aegis {
namespace {

struct Converted {
    std::string text;
    bool replaced = false;
};

Converted convert(std::u16string_view text) {
    agent::Lines lines;
    agent::append(lines, "before ");
    const bool replaced = agent::append_utf8(text, lines);
    return {fmt::to_string(lines).substr(7), replaced};
}

std::string printable(std::string_view text) {
    agent::Lines lines;
    agent::append_printable(text, lines);
    return fmt::to_string(lines);
}

TEST(Utf16, AsciiStaysAsItIs) {
    EXPECT_EQ(convert(u"C:\\Windows\\cmd.exe").text, "C:\\Windows\\cmd.exe");
    EXPECT_FALSE(convert(u"x").replaced);
    EXPECT_EQ(convert(u"").text, "");
}

TEST(Utf16, EveryEncodedLengthComesOut) {
    EXPECT_EQ(convert(u"a\u00e9\u20ac\U0001F600z").text, "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");
    EXPECT_FALSE(convert(u"\U0001F600").replaced);
}

// Catches: a lead taken for a pair whatever follows; a lead at the end reading on; a trail let through.
TEST(Utf16, EachUnpairedSurrogateBecomesTheReplacementCharacter) {
    const std::string replacement = "\xEF\xBF\xBD";
    const char16_t lead_then_letter[] = {0xD83D, u'x'};
    const char16_t trail_alone[] = {u'x', 0xDE00};
    const char16_t lead_at_end[] = {u'x', 0xD83D};
    const char16_t reversed[] = {0xDE00, 0xD83D};
    const char16_t two_leads_then_trail[] = {0xD83D, 0xD83D, 0xDE00};

    EXPECT_EQ(convert({lead_then_letter, 2}).text, replacement + "x");
    EXPECT_EQ(convert({trail_alone, 2}).text, "x" + replacement);
    EXPECT_EQ(convert({lead_at_end, 2}).text, "x" + replacement);
    EXPECT_EQ(convert({reversed, 2}).text, replacement + replacement);
    EXPECT_EQ(convert({two_leads_then_trail, 3}).text, replacement + "\xF0\x9F\x98\x80");
    EXPECT_TRUE(convert({lead_at_end, 2}).replaced);
    EXPECT_TRUE(convert({two_leads_then_trail, 3}).replaced);
}

// A replacement character in the path itself is no damage.
TEST(Utf16, AReplacementCharacterIsNotFlagged) {
    EXPECT_FALSE(convert(u"\uFFFD").replaced);
}

// Catches: any unit sequence that comes out as something else than UTF-8.
TEST(Utf16, WhateverThePathHoldsTheTextIsValid) {
    test::Random random = test::random_stream(0x7574663136);
    for (int round = 0; round < 20'000; ++round) {
        std::u16string text(random.below(32), u'\0');
        for (char16_t& unit : text) {
            // Half of the units from where the surrogates are.
            unit = static_cast<char16_t>(random.below(2) == 0 ? 0xD700 + random.below(0xA00) : random.below(0x10000));
        }
        const std::string utf8 = convert(text).text;
        ASSERT_TRUE(utf8::is_valid(utf8.begin(), utf8.end()));
    }
}

// Catches: any character that starts a new line, moves the cursor or turns the text round getting through.
TEST(Printable, DisruptiveCharactersAreEscaped) {
    EXPECT_EQ(printable("a\nb\rc\td"), "a\\u000ab\\u000dc\\u0009d");
    EXPECT_EQ(printable(std::string_view("\0\x1b[2J\x7f", 6)), "\\u0000\\u001b[2J\\u007f");
    EXPECT_EQ(printable("\xC2\x85"), "\\u0085");            // next line
    EXPECT_EQ(printable("\xC2\x9B"), "\\u009b");            // control sequence introducer
    EXPECT_EQ(printable("\xE2\x80\xA8"), "\\u2028");        // line separator
    EXPECT_EQ(printable("cod\xE2\x80\xAE"), "cod\\u202e");  // right-to-left override: cod.exe shown as exe.doc
    EXPECT_EQ(printable("\xE2\x81\xA6"), "\\u2066");
    EXPECT_EQ(printable("\xE2\x80\x8F"), "\\u200f");
    EXPECT_EQ(printable("\xD8\x9C"), "\\u061c");
}

TEST(Printable, EverythingElseStays) {
    const std::string text = "C:\\Gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\xE2\x80\xA7\xE2\x80\xAF\xC2\xA0~";
    EXPECT_EQ(printable(text), text);
}

}  // namespace
}  // namespace aegis
