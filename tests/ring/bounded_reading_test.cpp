// How long one read may take is bounded by numbers, not by what the shared bytes are.

#include <gtest/gtest.h>

#include <cstdint>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/consumer_group.hpp"
#include "support/event_recipe.hpp"
#include "support/private_ring.hpp"
#include "support/stepping.hpp"

namespace aegis {
namespace {

using ring::ReadStatus;
using test::HookedAtomics;

constexpr std::size_t kEventWords = 4;
constexpr test::EventRecipe kRecipe(2, 0, 16);

// A search for a beginning looks at the cells of three events at most: with a producer's bytes there is one among them,
// and with others it must not go round the ring.
//
// Catches: the limit left out.
TEST(BoundedReading, ASearchLooksAtAFewEventsCells) {
    constexpr std::uint64_t kCells = 1000;
    test::PrivateRing<HookedAtomics> ring(kCells, kEventWords);
    const auto memory = ring.memory();
    ring::Place found;
    const std::size_t looks =
        test::count_accesses([&] { found = ring::detail::find_beginning(memory, 1, kCells - 1); });
    EXPECT_EQ(looks, 3 * memory.most_cells());
    EXPECT_EQ(found.position, kCells - 1) << "the newest must do";
}

// Events from before the start are passed, a few in one read; the caller sees an empty ring and asks again.
//
// Catches: tries without end.
TEST(BoundedReading, AConsumerPassesAFewEarlierEventsAtATime) {
    constexpr std::uint64_t kPassed = ring::detail::kMostTries;
    test::PrivateRing<> ring(4 * kPassed, kEventWords);
    ring::Producer<> producer(ring.memory());
    test::publish_many(producer, kRecipe, 3 * kPassed);
    const ring::Ticket start = kPassed + 1;
    ring::Consumer<> consumer(ring.memory(), {0, start});
    ring::EventBuffer event;
    EXPECT_EQ(consumer.read(event), ReadStatus::kEmpty);
    EXPECT_EQ(consumer.position(), kPassed);
    EXPECT_EQ(consumer.cursor(), start);
    EXPECT_EQ(consumer.read(event), ReadStatus::kEvent);
    EXPECT_EQ(event.ticket(), start);
}

// Catches: tries without end.
TEST(BoundedReading, AMemberPassesAFewHundredClaimedEventsAtATime) {
    constexpr std::uint64_t kPassed = 256;
    test::PrivateRing<> ring(4 * kPassed, kEventWords);
    ring::Producer<> producer(ring.memory());
    test::publish_many(producer, kRecipe, 3 * kPassed);
    const ring::Ticket start = kPassed + 1;
    ring::ConsumerGroup<> group(ring.memory(), {0, start});
    ring::GroupMember<> member(group);
    ring::EventBuffer event;
    EXPECT_EQ(member.read(event), ReadStatus::kEmpty);
    EXPECT_EQ(group.cursor(), start);
    EXPECT_EQ(member.read(event), ReadStatus::kEvent);
    EXPECT_EQ(event.ticket(), start);
}

}  // namespace
}  // namespace aegis
