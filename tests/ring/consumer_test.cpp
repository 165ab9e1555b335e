// The broadcast reader, without any interleaving: order, counts, sizes, attaching.

#include "aegis/ring/consumer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "aegis/ring/producer.hpp"
#include "support/event_recipe.hpp"
#include "support/private_ring.hpp"
#include "support/reader_audit.hpp"
#include "support/zeroed_region.hpp"

namespace aegis {
namespace {

using ring::ReadStatus;

constexpr test::EventRecipe kRecipe(1, 0, test::EventRecipe::kLargestPayload);
constexpr test::EventRecipe kOneCell(1, 0, AEGIS_CELL_DATA_BYTES - sizeof(AEGIS_EVENT_HEADER));

TEST(Consumer, FindsNothingBeforeTheFirstEvent) {
    test::FormattedRegion region(64);
    ring::Consumer<> consumer(region.memory(), {});
    ring::EventBuffer event;
    EXPECT_EQ(consumer.read(event), ReadStatus::kEmpty);
    EXPECT_EQ(consumer.cursor(), 0U);
    EXPECT_EQ(consumer.delivered(), 0U);
    EXPECT_EQ(consumer.lost(), 0U);
    EXPECT_EQ(consumer.lag(), 0U);
    EXPECT_EQ(consumer.last_loss().first, 0U);
    EXPECT_EQ(consumer.last_loss().count, 0U);
}

TEST(Consumer, DeliversEachEventOnceAndInOrder) {
    for (const std::uint32_t cells : {6U, 7U, 64U}) {
        test::FormattedRegion region(cells);
        ring::Producer<> producer(region.memory());
        ring::Consumer<> consumer(region.memory(), {});
        test::ReaderAudit audit(kRecipe, 0);
        ring::EventBuffer event;
        for (std::uint64_t ticket = 0; ticket < std::uint64_t{5} * cells; ++ticket) {
            test::publish_next(producer, kRecipe);
            EXPECT_EQ(consumer.lag(), 1U);
            const ReadStatus status = consumer.read(event);
            EXPECT_EQ(status, ReadStatus::kEvent);
            audit.after_read(consumer, status, event);
            EXPECT_EQ(consumer.lag(), 0U);
            EXPECT_EQ(consumer.read(event), ReadStatus::kEmpty);
        }
        EXPECT_EQ(audit.complaint(), "");
        EXPECT_EQ(consumer.delivered(), 5 * cells);
        EXPECT_EQ(consumer.lost(), 0U);
    }
}

// Catches: lapped reported one event early (a full ring is not an overrun).
TEST(Consumer, DeliversAFullRing) {
    for (const std::uint32_t cells : {2U, 3U, 64U}) {
        test::FormattedRegion region(cells);
        ring::Producer<> producer(region.memory());
        ring::Consumer<> consumer(region.memory(), {});
        test::ReaderAudit audit(kOneCell, 0);
        test::publish_many(producer, kOneCell, cells);
        EXPECT_EQ(consumer.lag(), cells);
        EXPECT_EQ(audit.drain(consumer), cells);
        EXPECT_EQ(audit.complaint(), "");
        EXPECT_EQ(consumer.lost(), 0U);
    }
}

TEST(Consumer, DeliversEveryPayloadSizeIntact) {
    test::FormattedRegion region(7);
    ring::Producer<> producer(region.memory());
    ring::Consumer<> consumer(region.memory(), {});
    ring::EventBuffer event;
    std::array<std::uint8_t, test::EventRecipe::kLargestPayload> payload;
    for (std::size_t i = 0; i < payload.size(); ++i) {
        payload[i] = static_cast<std::uint8_t>(i * 11 + 3);
    }
    for (std::size_t bytes = 0; bytes <= payload.size(); ++bytes) {
        payload[0] = static_cast<std::uint8_t>(bytes);
        ASSERT_TRUE(producer.publish(5, 6, payload.data(), bytes));
        ASSERT_EQ(consumer.read(event), ReadStatus::kEvent);
        ASSERT_EQ(event.ticket(), bytes);
        ASSERT_EQ(event.size(), 16 + bytes);
        ASSERT_EQ(event.payload_size(), bytes);
        ASSERT_EQ(event.header().Size, 16 + bytes);
        ASSERT_EQ(std::memcmp(event.payload(), payload.data(), bytes), 0);
    }
}

// A reader in user space must not be the one who decides about the producer's memory: nothing in the region changes.
//
// Catches: a consumer that writes to shared memory.
TEST(Consumer, OnlyLoadsFromSharedMemory) {
    test::FormattedRegion region(17);
    ring::Producer<> producer(region.memory());
    test::publish_many(producer, kRecipe, 11);
    test::ZeroedRegion before(region.bytes().size());
    std::memcpy(before.data(), region.bytes().data(), before.size());

    ring::Consumer<> consumer(region.memory(), {});
    test::ReaderAudit audit(kRecipe, 0);
    audit.drain(consumer);
    (void)consumer.lag();
    EXPECT_EQ(std::memcmp(before.data(), region.bytes().data(), before.size()), 0);
}

TEST(Consumer, SeesEveryEventBesideOthers) {
    test::FormattedRegion region(60 * AEGIS_EVENT_CELLS_MAX);
    ring::Producer<> producer(region.memory());
    ring::Consumer<> first(region.memory(), {});
    ring::Consumer<> second(region.memory(), {});
    test::ReaderAudit first_audit(kRecipe, 0);
    test::ReaderAudit second_audit(kRecipe, 0);
    for (int i = 0; i < 20; ++i) {
        test::publish_many(producer, kRecipe, 3);
        EXPECT_EQ(first_audit.drain(first), 3U);
    }
    EXPECT_EQ(second_audit.drain(second), 60U);
    EXPECT_EQ(first_audit.complaint() + second_audit.complaint(), "");
}

// Catches: a batch that stops early, goes on behind its limit, passes over a loss, or shows an event twice.
TEST(ConsumerBatch, VisitsEachEventAndEndsForOneOfThreeReasons) {
    test::FormattedRegion region(20);
    ring::Producer<> producer(region.memory());
    ring::Consumer<> consumer(region.memory(), {});
    ring::EventBuffer event;
    ring::Ticket next = 0;
    const auto visit = [&](const ring::EventBuffer& one) {
        EXPECT_TRUE(kOneCell.matches(one, next)) << kOneCell.describe(one, next);
        ++next;
    };
    EXPECT_EQ(consumer.read_batch(event, 5, visit), ReadStatus::kEmpty);
    test::publish_many(producer, kOneCell, 7);
    EXPECT_EQ(consumer.read_batch(event, 0, visit), ReadStatus::kEvent);
    EXPECT_EQ(next, 0U);
    EXPECT_EQ(consumer.read_batch(event, 5, visit), ReadStatus::kEvent);
    EXPECT_EQ(next, 5U);
    EXPECT_EQ(consumer.read_batch(event, 5, visit), ReadStatus::kEmpty);
    EXPECT_EQ(next, 7U);
    test::publish_many(producer, kOneCell, 40);
    EXPECT_EQ(consumer.read_batch(event, 100, visit), ReadStatus::kLapped);
    EXPECT_EQ(next, 7U);
    EXPECT_EQ(consumer.last_loss().first, 7U);
    next = consumer.cursor();
    EXPECT_EQ(consumer.read_batch(event, 100, visit), ReadStatus::kEmpty);
    EXPECT_EQ(next, producer.published());
    EXPECT_EQ(consumer.delivered() + consumer.lost(), producer.published());
}

class Attach : public testing::TestWithParam<std::uint32_t> {
  protected:
    test::FormattedRegion region_{GetParam()};
    ring::Producer<> producer_{region_.memory()};
};

INSTANTIATE_TEST_SUITE_P(CellCounts, Attach, testing::Values(2, 5, 64), testing::PrintToStringParamName());

// Catches: an oldest ticket one too early (already overwritten) or too late (an event given away).
TEST_P(Attach, TheOldestEventIsTheFirstTheRingHolds) {
    const std::uint64_t cells = GetParam();
    for (std::uint64_t published = 0; published <= 4 * cells; ++published) {
        const ring::Ticket expected = published <= cells ? 0 : published - cells;
        const ring::Beginning oldest = ring::oldest_event(region_.memory());
        ASSERT_EQ(oldest.ticket, expected) << published;
        ring::Consumer<> consumer(region_.memory(), oldest);
        test::ReaderAudit audit(kOneCell, expected);
        EXPECT_EQ(audit.drain(consumer), published - expected);
        EXPECT_EQ(consumer.lost(), 0U);
        EXPECT_EQ(audit.complaint(), "");
        test::publish_next(producer_, kOneCell);
    }
}

// A reader that comes while events come: the producer publishes as many as fit beside the headroom before the first
// read. Catches: a start at the edge, too little headroom, more of it than a quarter, headroom where nothing was
// overwritten.
TEST_P(Attach, TheStartLeavesTheProducerAQuarterOfARingThatWentRound) {
    const std::uint64_t cells = GetParam();
    for (std::uint64_t published = 0; published <= 4 * cells; ++published) {
        const ring::Beginning start = ring::oldest_event(region_.memory(), ring::Headroom::kSome);
        const bool round = published > cells;
        // The cell behind the newest event may be in the making.
        ASSERT_EQ(start.ticket, round ? published - cells + 1 + cells / 4 : 0) << published;
        const std::uint64_t headroom = round ? cells / 4 + 1 : 0;
        ring::Consumer<> consumer(region_.memory(), start);
        test::publish_many(producer_, kOneCell, headroom);
        test::ReaderAudit audit(kOneCell, start.ticket);
        EXPECT_EQ(audit.drain(consumer), published - start.ticket + headroom);
        EXPECT_EQ(consumer.lost(), 0U) << published;
        EXPECT_EQ(audit.complaint(), "");
        published += headroom;
        test::publish_next(producer_, kOneCell);
    }
}

TEST_P(Attach, DuringTrafficFromNowOnSeesWhatFollowsOnly) {
    test::publish_many(producer_, kOneCell, 3 * GetParam() + 1);
    ring::Consumer<> consumer(region_.memory(), ring::next_event(region_.memory()));
    test::ReaderAudit audit(kOneCell, 3 * GetParam() + 1);
    EXPECT_EQ(audit.drain(consumer), 0U);
    test::publish_many(producer_, kOneCell, 2);
    EXPECT_EQ(audit.drain(consumer), 2U);
    EXPECT_EQ(audit.complaint(), "");
}

TEST_P(Attach, AfterTrafficHasEndedFindsWhatIsKept) {
    test::publish_many(producer_, kOneCell, 10 * GetParam() + 1);
    producer_.close();
    const ring::Beginning oldest = ring::oldest_event(region_.memory());
    ring::Consumer<> consumer(region_.memory(), oldest);
    test::ReaderAudit audit(kOneCell, oldest.ticket);
    EXPECT_EQ(audit.drain(consumer), GetParam());
    EXPECT_EQ(region_.memory().load_state(), AEGIS_RING_CLOSING);
    EXPECT_EQ(audit.complaint(), "");
}

TEST_P(Attach, BeforeTheProducerSeesTheFirstEvent) {
    ring::Consumer<> consumer(region_.memory(), ring::next_event(region_.memory()));
    EXPECT_EQ(ring::oldest_event(region_.memory()).ticket, 0U);
    test::ReaderAudit audit(kOneCell, 0);
    EXPECT_EQ(audit.drain(consumer), 0U);
    test::publish_next(producer_, kOneCell);
    EXPECT_EQ(audit.drain(consumer), 1U);
    EXPECT_EQ(audit.complaint(), "");
}

// The count may lag behind a consumer that polls the cells: the lag is then 0, not 2^64 - 1.
TEST(Consumer, LagIsNeverNegative) {
    test::FormattedRegion region(64);
    ring::Producer<> producer(region.memory());
    ring::Consumer<> consumer(region.memory(), {});
    test::ReaderAudit audit(kRecipe, 0);
    test::publish_many(producer, kRecipe, 5);
    audit.drain(consumer);
    region.header()->Published = 4;
    EXPECT_EQ(consumer.lag(), 0U);
    region.header()->Published = 5;
    EXPECT_EQ(consumer.lag(), 0U);
    region.header()->Published = 6;
    EXPECT_EQ(consumer.lag(), 1U);
}

TEST(Consumer, GivesItsMemory) {
    test::FormattedRegion region(64);
    ring::Consumer<> consumer(region.memory(), {});
    EXPECT_EQ(consumer.memory().data_words(consumer.memory().place_of(3)),
              region.memory().data_words(region.memory().place_of(3)));
    EXPECT_EQ(consumer.position(), 0U);
    EXPECT_EQ(ring::Consumer<>().cursor(), 0U);
}

}  // namespace
}  // namespace aegis
