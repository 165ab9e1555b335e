// Places for handles that are about to be made.

#include "sensors/pending_handles.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>

namespace aegis::test {
namespace {

// Catches: a place that two have at a time; an end of the search before every place was looked at.
TEST(PendingHandles, EachPlaceIsTakenOnceUntilItIsGivenBack) {
    driver::PendingHandles pending;
    std::set<driver::PendingHandle*> taken;
    for (std::size_t i = 0; i < driver::PendingHandles::kPlaces; ++i) {
        driver::PendingHandle* const place = pending.take(7);
        ASSERT_NE(place, nullptr);
        EXPECT_TRUE(taken.insert(place).second);
    }
    EXPECT_EQ(pending.take(7), nullptr);
    driver::PendingHandle* const freed = *taken.begin();
    pending.give_back(freed);
    EXPECT_EQ(pending.take(3), freed);
    EXPECT_EQ(pending.take(3), nullptr);
}

// Catches: everybody beginning at the same place.
TEST(PendingHandles, WhoComesFromElsewhereLooksElsewhereFirst) {
    driver::PendingHandles pending;
    std::set<driver::PendingHandle*> first;
    for (std::uint32_t hint = 0; hint < driver::PendingHandles::kPlaces; ++hint) {
        driver::PendingHandle* const place = pending.take(hint);
        first.insert(place);
        pending.give_back(place);
    }
    EXPECT_EQ(first.size(), driver::PendingHandles::kPlaces);
}

}  // namespace
}  // namespace aegis::test
