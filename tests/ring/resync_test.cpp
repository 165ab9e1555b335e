// Where a lapped reader goes on, and that it counts exactly what it gave up.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/consumer_group.hpp"
#include "support/event_recipe.hpp"
#include "support/private_ring.hpp"
#include "support/reader_audit.hpp"
#include "support/stepping.hpp"

namespace aegis {
namespace {

using ring::ReadStatus;
using test::HookedAtomics;

constexpr std::size_t kEventWords = 4;
constexpr test::EventRecipe kRecipe(2, 0, 16);

// The rule in the reader's own words: the oldest ticket that is certainly intact while the next one may already be
// in the making, plus a quarter of the ring.
ring::Ticket expected_resume(ring::Ticket published, std::uint64_t slots) {
    return published - slots + 1 + slots / 4;
}

class Resync : public testing::TestWithParam<std::uint64_t> {
  protected:
    test::PrivateRing<> ring_{GetParam(), kEventWords};
    ring::Producer<> producer_{ring_.memory()};
    ring::EventBuffer event_;
};

INSTANTIATE_TEST_SUITE_P(SlotCounts, Resync, testing::Values(2, 4, 8, 16, 64), testing::PrintToStringParamName());

// Catches: any change of the resume position or of the loss count, for every distance and every cursor.
TEST_P(Resync, GoesOnAQuarterRingBehindTheOldestIntactTicket) {
    const std::uint64_t slots = GetParam();
    for (ring::Ticket cursor = 0; cursor < 2 * slots; ++cursor) {
        for (std::uint64_t published = cursor + slots + 1; published <= cursor + 4 * slots; ++published) {
            test::PrivateRing<> ring(slots, kEventWords);
            ring::Producer<> producer(ring.memory());
            test::publish_many(producer, kRecipe, published);
            ring::Consumer<> consumer(ring.memory(), cursor);
            test::ReaderAudit audit(kRecipe, cursor);

            const ReadStatus status = consumer.read(event_);
            audit.after_read(consumer, status, event_);
            ASSERT_EQ(status, ReadStatus::kLapped) << cursor << " of " << published;
            const ring::Ticket resume = expected_resume(published, slots);
            ASSERT_EQ(consumer.cursor(), resume) << cursor << " of " << published;
            ASSERT_EQ(consumer.last_loss().first, cursor);
            ASSERT_EQ(consumer.last_loss().count, resume - cursor);
            ASSERT_EQ(consumer.lost(), resume - cursor);
            ASSERT_EQ(consumer.delivered(), 0U);

            ASSERT_EQ(audit.drain(consumer), published - resume) << "what is left is intact";
            ASSERT_EQ(audit.complaint(), "");
        }
    }
}

TEST_P(Resync, AddsUpSeveralLosses) {
    const std::uint64_t slots = GetParam();
    ring::Consumer<> consumer(ring_.memory(), 0);
    test::ReaderAudit audit(kRecipe, 0);
    std::uint64_t lost = 0;
    for (int lap = 0; lap < 5; ++lap) {
        const ring::Ticket from = consumer.cursor();
        test::publish_many(producer_, kRecipe, 3 * slots);
        audit.drain(consumer);
        lost += expected_resume(producer_.published(), slots) - from;
        EXPECT_EQ(consumer.lost(), lost);
    }
    EXPECT_EQ(consumer.delivered() + consumer.lost(), producer_.published());
    EXPECT_EQ(audit.complaint(), "");
}

// The producer is stopped with its odd mark set: the version tells more than the count, which still lags behind.
//
// Catches: the resume position taken from the shared count alone.
TEST_P(Resync, BelievesTheVersionWhenTheSharedCountLagsBehind) {
    const std::uint64_t slots = GetParam();
    test::publish_many(producer_, kRecipe, slots);
    ring_.memory().mark_write_begun(slots);
    ring::Consumer<> consumer(ring_.memory(), 0);
    EXPECT_EQ(consumer.read(event_), ReadStatus::kLapped);
    EXPECT_EQ(consumer.cursor(), 1 + slots / 4);

    ring_.memory().mark_write_complete(5 * slots);
    ring::Consumer<> later(ring_.memory(), 0);
    EXPECT_EQ(later.read(event_), ReadStatus::kLapped);
    EXPECT_EQ(later.cursor(), 4 * slots + 1 + slots / 4);
    ring_.memory().mark_write_begun(6 * slots);
    EXPECT_EQ(ring::Consumer<>(later).read(event_), ReadStatus::kEmpty);
}

// Catches: the resume position taken from the version alone.
TEST_P(Resync, BelievesTheSharedCountWhenItIsAhead) {
    const std::uint64_t slots = GetParam();
    test::publish_many(producer_, kRecipe, slots + 1);
    ring_.memory().store_published(10 * slots);
    ring::Consumer<> consumer(ring_.memory(), 0);
    EXPECT_EQ(consumer.read(event_), ReadStatus::kLapped);
    EXPECT_EQ(consumer.cursor(), 9 * slots + 1 + slots / 4);
}

// A slot lapped for the first time, seen when the count has not even reached a full ring: nothing was overwritten
// but the slot itself.
//
// Catches: head - count computed without its guard, which wraps.
TEST_P(Resync, DoesNotWrapBelowTheFirstTicket) {
    const std::uint64_t slots = GetParam();
    const auto memory = ring_.memory();
    ring_.memory().store_published(slots - 1);
    for (ring::Ticket ticket = 0; ticket + 1 < slots; ++ticket) {
        EXPECT_EQ(ring::detail::resume_ticket(memory, 0, 2 * ticket + 2), std::max<ring::Ticket>(slots / 4, 1));
    }
    ring_.memory().store_published(slots);
    EXPECT_EQ(ring::detail::resume_ticket(memory, 0, 2), 1 + slots / 4);
}

// Only bytes that no producer writes can say "lapped" and name a head behind the cursor; the cursor advances still.
//
// Catches: the lower bound dropped or off by one: a reader that stands still would count a loss of 0 for ever.
TEST_P(Resync, AlwaysAdvances) {
    const std::uint64_t slots = GetParam();
    const auto memory = ring_.memory();
    EXPECT_EQ(ring::detail::resume_ticket(memory, 1000, 1), 1001U);
    EXPECT_EQ(ring::detail::resume_ticket(memory, 1000, 2003), std::max<ring::Ticket>(1001, 1002 - slots + slots / 4));
}

// Catches: the upper bound dropped: a cursor near 2^64 would come round to 0.
TEST_P(Resync, NeverPassesTheLastTicket) {
    const std::uint64_t slots = GetParam();
    const auto memory = ring_.memory();
    const ring::Ticket last = ring::kTicketLimit - slots + 1 + slots / 4;
    EXPECT_EQ(ring::detail::resume_ticket(memory, 0, 0), last);
    EXPECT_EQ(ring::detail::resume_ticket(memory, 0, UINT64_MAX), last);
    EXPECT_EQ(ring::detail::resume_ticket(memory, 0, UINT64_MAX - 1), last - 1);
    ring_.memory().store_published(UINT64_MAX);
    EXPECT_EQ(ring::detail::resume_ticket(memory, 0, 4), last);
    ring_.memory().store_published(ring::kTicketLimit);
    EXPECT_EQ(ring::detail::resume_ticket(memory, 0, 4), last);
    ring_.memory().store_published(ring::kTicketLimit - 1);
    EXPECT_EQ(ring::detail::resume_ticket(memory, 0, 4), last - 1);
}

TEST_P(Resync, AGroupGoesOnAtTheSamePlace) {
    const std::uint64_t slots = GetParam();
    test::publish_many(producer_, kRecipe, 3 * slots + 1);
    ring::ConsumerGroup<> group(ring_.memory(), 1);
    ring::GroupMember<> member(group);
    EXPECT_EQ(member.read(event_), ReadStatus::kLapped);
    const ring::Ticket resume = expected_resume(3 * slots + 1, slots);
    EXPECT_EQ(group.cursor(), resume);
    EXPECT_EQ(member.last_loss().first, 1U);
    EXPECT_EQ(member.last_loss().count, resume - 1);
    EXPECT_EQ(member.lost(), resume - 1);
}

// The count is published after the event: a reader lapped in between is told of the newer of the two.
TEST(ResyncRace, TheCountMayMoveWhileTheReaderLooks) {
    test::PrivateRing<HookedAtomics> ring(4, kEventWords);
    ring::Producer<HookedAtomics> producer(ring.memory());
    test::publish_many(producer, kRecipe, 9);
    ring::Consumer<HookedAtomics> consumer(ring.memory(), 0);
    ring::EventBuffer event;
    // Access 0 is the version, access 1 the count.
    ASSERT_TRUE(
        test::run_with_intruder([&] { consumer.read(event); }, 1, [&] { test::publish_many(producer, kRecipe, 8); }));
    EXPECT_EQ(consumer.cursor(), expected_resume(17, 4));
    EXPECT_EQ(consumer.lost(), expected_resume(17, 4));
}

}  // namespace
}  // namespace aegis
