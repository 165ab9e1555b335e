// Where a lapped reader goes on, and that it counts exactly what it gave up.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/consumer_group.hpp"
#include "support/event_recipe.hpp"
#include "support/one_cell.hpp"
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
ring::Ticket expected_resume(ring::Ticket published, std::uint64_t cells) {
    return published - cells + 1 + cells / 4;
}

class Resync : public testing::TestWithParam<std::uint64_t> {
  protected:
    test::PrivateRing<> ring_{GetParam(), kEventWords};
    ring::Producer<> producer_{ring_.memory()};
    ring::EventBuffer event_;
};

INSTANTIATE_TEST_SUITE_P(CellCounts, Resync, testing::Values(2, 4, 8, 16, 64), testing::PrintToStringParamName());

// Catches: any change of the resume position or of the loss count, for every distance and every cursor.
TEST_P(Resync, GoesOnAQuarterRingBehindTheOldestIntactTicket) {
    const std::uint64_t cells = GetParam();
    for (ring::Ticket cursor = 0; cursor < 2 * cells; ++cursor) {
        for (std::uint64_t published = cursor + cells + 1; published <= cursor + 4 * cells; ++published) {
            test::PrivateRing<> ring(cells, kEventWords);
            ring::Producer<> producer(ring.memory());
            test::publish_many(producer, kRecipe, published);
            ring::Consumer<> consumer(ring.memory(), test::at(cursor));
            test::ReaderAudit audit(kRecipe, cursor);

            const ReadStatus status = consumer.read(event_);
            audit.after_read(consumer, status, event_);
            ASSERT_EQ(status, ReadStatus::kLapped) << cursor << " of " << published;
            const ring::Ticket resume = expected_resume(published, cells);
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
    const std::uint64_t cells = GetParam();
    ring::Consumer<> consumer(ring_.memory(), {});
    test::ReaderAudit audit(kRecipe, 0);
    std::uint64_t lost = 0;
    for (int lap = 0; lap < 5; ++lap) {
        const ring::Ticket from = consumer.cursor();
        test::publish_many(producer_, kRecipe, 3 * cells);
        audit.drain(consumer);
        lost += expected_resume(producer_.published(), cells) - from;
        EXPECT_EQ(consumer.lost(), lost);
    }
    EXPECT_EQ(consumer.delivered() + consumer.lost(), producer_.published());
    EXPECT_EQ(audit.complaint(), "");
}

// The producer is stopped with its odd mark set: what is overwritten is lost, what was complete before is not.
TEST_P(Resync, GoesOnBeforeTheNextEventIsComplete) {
    const std::uint64_t cells = GetParam();
    test::publish_many(producer_, kRecipe, cells);
    ring_.memory().mark_write_begun(ring_.memory().place_of(cells));
    ring::Consumer<> consumer(ring_.memory(), {});
    EXPECT_EQ(consumer.read(event_), ReadStatus::kLapped);
    EXPECT_EQ(consumer.cursor(), 1 + cells / 4);
}

// The newest event may be older than what a reader was lapped by: then there is nothing to go on with yet, and nothing
// is counted before the next event says how much was lost.
//
// Catches: the check that the newest event lies behind the lapped one left out: a reader that goes back.
TEST_P(Resync, WaitsForACompleteEventBehindTheLappedOne) {
    const std::uint64_t cells = GetParam();
    test::publish_many(producer_, kRecipe, cells);
    ring_.memory().mark_write_begun(ring_.memory().place_of(2 * cells - 1));
    ring::Consumer<> consumer(ring_.memory(), test::at(cells - 1));
    EXPECT_EQ(consumer.read(event_), ReadStatus::kEmpty);
    EXPECT_EQ(consumer.cursor(), cells - 1);
    EXPECT_EQ(consumer.position(), cells - 1);
    EXPECT_EQ(consumer.lost(), 0U);
}

// Catches: head - count computed without its guard, which wraps; the lower bound dropped or off by one: a reader that
// goes back or stands still.
TEST_P(Resync, FindsAPlaceBetweenTheLappedOneAndTheNewest) {
    const std::uint64_t cells = GetParam();
    const auto memory = ring_.memory();
    for (ring::Position newest = 0; newest < 3 * cells; ++newest) {
        for (ring::Position lapped = 0; lapped < 3 * cells; ++lapped) {
            ring_.memory().store_newest(newest);
            ring::Place found{};
            const ring::Position oldest = newest + 1 >= cells ? newest + 2 - cells : 0;
            const ring::Position from = std::max<ring::Position>(oldest + cells / 4, lapped + 1);
            ASSERT_EQ(ring::detail::find_resume(memory, lapped, found), from <= newest);
            if (from <= newest) {
                // Nothing was published here, so no cell is a beginning, and the newest must do.
                ASSERT_EQ(found.position, newest);
                ASSERT_EQ(found.cell, memory.place_of(newest).cell);
            }
        }
    }
}

// Catches: the upper bound dropped: a position near 2^64 would come round to 0.
TEST_P(Resync, NeverPassesTheLastPosition) {
    const auto memory = ring_.memory();
    for (const ring::Position newest : {UINT64_MAX, UINT64_MAX - 1, ring::kPositionLimit, ring::kPositionLimit - 1}) {
        ring_.memory().store_newest(newest);
        ring::Place found{};
        ASSERT_TRUE(ring::detail::find_resume(memory, 0, found));
        EXPECT_EQ(found.position, ring::kPositionLimit - 1);
        EXPECT_FALSE(ring::detail::find_resume(memory, ring::kPositionLimit - 1, found));
    }
}

// A ticket that no producer gives is no loss of 2^63 events.
//
// Catches: the ticket's limit dropped; a ticket from before the start delivered or counted.
TEST_P(Resync, BelievesNoTicketBeyondTheLast) {
    test::publish_many(producer_, kRecipe, 1);
    for (const std::uint64_t ticket : {ring::kTicketLimit, UINT64_MAX}) {
        ring_.ticket(0)->store(ticket);
        ring::Consumer<> consumer(ring_.memory(), {});
        EXPECT_EQ(consumer.read(event_), ReadStatus::kEmpty);
        EXPECT_EQ(consumer.cursor(), 0U);
        ring::ConsumerGroup<> group(ring_.memory(), {});
        ring::GroupMember<> member(group);
        EXPECT_EQ(member.read(event_), ReadStatus::kEmpty);
        EXPECT_EQ(group.cursor(), 0U);
    }
    ring_.ticket(0)->store(ring::kTicketLimit - 1);
    ring::Consumer<> consumer(ring_.memory(), {});
    EXPECT_EQ(consumer.read(event_), ReadStatus::kLapped);
    EXPECT_EQ(consumer.cursor(), ring::kTicketLimit - 1);
    EXPECT_EQ(consumer.read(event_), ReadStatus::kEvent);
}

// A reader that joins takes no number beyond the last either: it begins by the count instead.
//
// Catches: the ticket's limit dropped where a head is read.
TEST_P(Resync, JoinsAtNoTicketBeyondTheLast) {
    test::publish_many(producer_, kRecipe, 1);
    for (const std::uint64_t ticket : {ring::kTicketLimit, UINT64_MAX}) {
        ring_.ticket(0)->store(ticket);
        for (const ring::Beginning start : {ring::oldest_event(ring_.memory()), ring::next_event(ring_.memory())}) {
            EXPECT_EQ(start.position, 0U);
            EXPECT_EQ(start.ticket, 1U);
        }
    }
    ring_.ticket(0)->store(ring::kTicketLimit - 1);
    EXPECT_EQ(ring::oldest_event(ring_.memory()).ticket, ring::kTicketLimit - 1);
    EXPECT_EQ(ring::next_event(ring_.memory()).ticket, ring::kTicketLimit);
}

TEST_P(Resync, AGroupGoesOnAtTheSamePlace) {
    const std::uint64_t cells = GetParam();
    test::publish_many(producer_, kRecipe, 3 * cells + 1);
    ring::ConsumerGroup<> group(ring_.memory(), test::at(1));
    ring::GroupMember<> member(group);
    EXPECT_EQ(member.read(event_), ReadStatus::kLapped);
    const ring::Ticket resume = expected_resume(3 * cells + 1, cells);
    EXPECT_EQ(group.cursor(), resume);
    EXPECT_EQ(member.last_loss().first, 1U);
    EXPECT_EQ(member.last_loss().count, resume - 1);
    EXPECT_EQ(member.lost(), resume - 1);
}

// What the reader goes on with is read before the loss is told: it is exact even when the producer laps again
// meanwhile.
TEST(ResyncRace, TheProducerMayLapAgainWhileTheReaderLooks) {
    for (std::size_t index = 1;; ++index) {
        test::PrivateRing<HookedAtomics> ring(4, kEventWords);
        ring::Producer<HookedAtomics> producer(ring.memory());
        test::publish_many(producer, kRecipe, 9);
        ring::Consumer<HookedAtomics> consumer(ring.memory(), {});
        test::ReaderAudit audit(kRecipe, 0);
        ring::EventBuffer event;
        ReadStatus status = ReadStatus::kEmpty;
        const bool intruded = test::run_with_intruder([&] { status = consumer.read(event); }, index,
                                                      [&] { test::publish_many(producer, kRecipe, 8); });
        ASSERT_EQ(status, ReadStatus::kLapped) << index;
        audit.after_read(consumer, status, event);
        audit.drain(consumer);
        ASSERT_EQ(audit.complaint(), "") << index;
        ASSERT_EQ(consumer.cursor(), producer.published());
        if (!intruded) {
            break;
        }
    }
}

// A reader that joins gives up no more than one that was lapped, whatever the producer does while it looks.
//
// Catches: an oldest position that wraps in a ring that has just gone round; the second attempt left out.
TEST(ResyncRace, TheProducerMayLapWhileAReaderJoins) {
    constexpr std::uint64_t kCells = 64;
    for (const std::uint64_t meanwhile : {kCells / 2 + 1, kCells, 3 * kCells}) {
        for (std::size_t index = 0;; ++index) {
            test::PrivateRing<HookedAtomics> ring(kCells, kEventWords);
            ring::Producer<HookedAtomics> producer(ring.memory());
            test::publish_many(producer, kRecipe, kCells / 2);
            ring::Beginning start;
            const bool intruded = test::run_with_intruder([&] { start = ring::oldest_event(ring.memory()); }, index,
                                                          [&] { test::publish_many(producer, kRecipe, meanwhile); });
            if (!intruded) {
                break;
            }
            ASSERT_LE(start.ticket, expected_resume(producer.published(), kCells)) << meanwhile << " at " << index;
            ring::Consumer<HookedAtomics> consumer(ring.memory(), start);
            test::ReaderAudit audit(kRecipe, start.ticket);
            audit.drain(consumer);
            ASSERT_EQ(audit.complaint(), "") << meanwhile << " at " << index;
            ASSERT_EQ(consumer.cursor(), producer.published());
        }
    }
}

}  // namespace
}  // namespace aegis
