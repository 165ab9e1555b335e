#include "agent/client/sequence.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace aegis {
namespace {

constexpr std::uint64_t kWrap = std::uint64_t{1} << 32U;

TEST(SequenceWidener, StartsNearWhatWasPublished) {
    EXPECT_EQ(client::SequenceWidener(0).widen(1), 1U);
    EXPECT_EQ(client::SequenceWidener(4096).widen(1), 1U);
    EXPECT_EQ(client::SequenceWidener(10).widen(20), 20U);
}

// Catches: a first event that is taken for one 2^32 away when the wrap lies between it and the count.
TEST(SequenceWidener, StartsOnTheRightSideOfTheWrap) {
    EXPECT_EQ(client::SequenceWidener(kWrap + 10).widen(0xFFFFFFF0), kWrap - 16);
    EXPECT_EQ(client::SequenceWidener(kWrap - 10).widen(5), kWrap + 5);
    EXPECT_EQ(client::SequenceWidener(5 * kWrap + 7).widen(7), 5 * kWrap + 7);
}

// Catches: widening by comparison instead of by difference.
TEST(SequenceWidener, CountsOnThroughTheWrap) {
    client::SequenceWidener widener(3 * kWrap - 2);
    EXPECT_EQ(widener.widen(0xFFFFFFFE), 3 * kWrap - 2);
    EXPECT_EQ(widener.widen(0xFFFFFFFF), 3 * kWrap - 1);
    EXPECT_EQ(widener.widen(0), 3 * kWrap);
    EXPECT_EQ(widener.widen(1), 3 * kWrap + 1);
}

// Catches: a gap of more than 2^31 taken for a step back.
TEST(SequenceWidener, GapsAreAlwaysForward) {
    client::SequenceWidener widener(kWrap);
    EXPECT_EQ(widener.widen(0xFFFFFFF0), kWrap - 16);
    EXPECT_EQ(widener.widen(100), kWrap + 100);
    EXPECT_EQ(widener.widen(0xF0000000), kWrap + 0xF0000000);
    EXPECT_EQ(widener.widen(0xEFFFFFFF), 2 * kWrap + 0xEFFFFFFF);
}

}  // namespace
}  // namespace aegis
