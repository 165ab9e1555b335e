// Text that is too long for its place, in one piece and in two.

#include "sensors/cut_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace aegis::test {
namespace {

constexpr std::size_t kHead = 4;
constexpr std::size_t kRoom = 12;

driver::PathText path(const std::u16string& text) {
    return {text.data(), text.size()};
}

std::u16string cut(const driver::JoinedText& text) {
    std::vector<std::uint16_t> to(kRoom + 1, 0xEEEE);
    const std::size_t units = driver::copy_cut(text, kHead, kRoom, to.data());
    EXPECT_EQ(to[kRoom], 0xEEEE);
    return {reinterpret_cast<const char16_t*>(to.data()), units};
}

// Catches: the room off by one; the end off by one.
TEST(CutText, OnePiece) {
    for (const std::u16string whole : {u"", u"a", u"abcdefghijkl"}) {
        EXPECT_EQ(cut(driver::JoinedText(path(whole))), whole);
    }
    EXPECT_EQ(cut(driver::JoinedText(path(u"abcdefghijklm"))), u"abcd...ijklm");
}

// Catches: the separator left out or counted twice; a cut at the seam that takes from the wrong piece.
TEST(CutText, TwoPiecesAreOneWithASeparatorBetween) {
    const std::u16string text = u"abcdefghijklmnopqrstuvwxyz";
    for (std::size_t all = 0; all <= text.size(); ++all) {
        for (std::size_t seam = 0; seam <= all; ++seam) {
            const std::u16string folder = text.substr(0, seam);
            const std::u16string name = text.substr(seam, all - seam);
            const std::u16string whole = folder + u"\\" + name;
            const driver::JoinedText joined(path(folder), path(name));
            EXPECT_EQ(joined.length(), whole.size());
            EXPECT_EQ(cut(joined), cut(driver::JoinedText(path(whole))));
            std::uint16_t scratch[6];
            const driver::PathText piece = joined.in_one_piece(scratch, 6);
            EXPECT_EQ(std::u16string(piece.units, piece.length), whole.substr(0, 6));
        }
    }
    const std::u16string whole = u"whole";
    EXPECT_EQ(driver::JoinedText(path(whole)).in_one_piece(nullptr, 0).units, whole.data());
}

// Catches: half a pair left over; one that stood alone before taken away.
TEST(CutText, HalfAPairIsNoCharacter) {
    EXPECT_EQ(cut(driver::JoinedText(path(u"abc\xD83D\xDE00"
                                          u"fghijklm"))),
              u"abc....ijklm");
    EXPECT_EQ(cut(driver::JoinedText(path(u"abcdefg\xD83D\xDE00jklm"))), u"abcd....jklm");
    EXPECT_EQ(cut(driver::JoinedText(path(u"abc\xD83D"
                                          u"efgh\xDE00jklm"))),
              u"abc\xD83D...\xDE00jklm");
}

}  // namespace
}  // namespace aegis::test
