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

TEST(Consumer, FindsNothingBeforeTheFirstEvent) {
    test::FormattedRegion region(64);
    ring::Consumer<> consumer(region.memory(), 0);
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
    for (const std::uint32_t slots : {2U, 4U, 64U}) {
        test::FormattedRegion region(slots);
        ring::Producer<> producer(region.memory());
        ring::Consumer<> consumer(region.memory(), 0);
        test::ReaderAudit audit(kRecipe, 0);
        ring::EventBuffer event;
        for (std::uint64_t ticket = 0; ticket < std::uint64_t{5} * slots; ++ticket) {
            test::publish_next(producer, kRecipe);
            EXPECT_EQ(consumer.lag(), 1U);
            const ReadStatus status = consumer.read(event);
            EXPECT_EQ(status, ReadStatus::kEvent);
            audit.after_read(consumer, status, event);
            EXPECT_EQ(consumer.lag(), 0U);
            EXPECT_EQ(consumer.read(event), ReadStatus::kEmpty);
        }
        EXPECT_EQ(audit.complaint(), "");
        EXPECT_EQ(consumer.delivered(), 5 * slots);
        EXPECT_EQ(consumer.lost(), 0U);
    }
}

// Catches: lapped reported one event early (a full ring is not an overrun).
TEST(Consumer, DeliversAFullRing) {
    for (const std::uint32_t slots : {2U, 4U, 64U}) {
        test::FormattedRegion region(slots);
        ring::Producer<> producer(region.memory());
        ring::Consumer<> consumer(region.memory(), 0);
        test::ReaderAudit audit(kRecipe, 0);
        test::publish_many(producer, kRecipe, slots);
        EXPECT_EQ(consumer.lag(), slots);
        EXPECT_EQ(audit.drain(consumer), slots);
        EXPECT_EQ(audit.complaint(), "");
        EXPECT_EQ(consumer.lost(), 0U);
    }
}

TEST(Consumer, DeliversEveryPayloadSizeIntact) {
    test::FormattedRegion region(2);
    ring::Producer<> producer(region.memory());
    ring::Consumer<> consumer(region.memory(), 0);
    ring::EventBuffer event;
    std::array<std::uint8_t, 1064> payload;
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
    test::FormattedRegion region(4);
    ring::Producer<> producer(region.memory());
    test::publish_many(producer, kRecipe, 11);
    test::ZeroedRegion before(region.bytes().size());
    std::memcpy(before.data(), region.bytes().data(), before.size());

    ring::Consumer<> consumer(region.memory(), 0);
    test::ReaderAudit audit(kRecipe, 0);
    audit.drain(consumer);
    (void)consumer.lag();
    EXPECT_EQ(std::memcmp(before.data(), region.bytes().data(), before.size()), 0);
}

TEST(Consumer, SeesEveryEventBesideOthers) {
    test::FormattedRegion region(64);
    ring::Producer<> producer(region.memory());
    ring::Consumer<> first(region.memory(), 0);
    ring::Consumer<> second(region.memory(), 0);
    test::ReaderAudit first_audit(kRecipe, 0);
    test::ReaderAudit second_audit(kRecipe, 0);
    for (int i = 0; i < 20; ++i) {
        test::publish_many(producer, kRecipe, 3);
        EXPECT_EQ(first_audit.drain(first), 3U);
    }
    EXPECT_EQ(second_audit.drain(second), 60U);
    EXPECT_EQ(first_audit.complaint() + second_audit.complaint(), "");
}

class Attach : public testing::TestWithParam<std::uint32_t> {
  protected:
    test::FormattedRegion region_{GetParam()};
    ring::Producer<> producer_{region_.memory()};
};

INSTANTIATE_TEST_SUITE_P(SlotCounts, Attach, testing::Values(2, 4, 64), testing::PrintToStringParamName());

// Catches: an oldest ticket one too early (already overwritten) or too late (an event given away).
TEST_P(Attach, TheOldestTicketIsTheFirstTheRingHolds) {
    const std::uint64_t slots = GetParam();
    for (std::uint64_t published = 0; published <= 4 * slots; ++published) {
        const ring::Ticket expected = published <= slots ? 0 : published - slots;
        ASSERT_EQ(ring::oldest_ticket(region_.memory()), expected) << published;
        ring::Consumer<> consumer(region_.memory(), expected);
        test::ReaderAudit audit(kRecipe, expected);
        EXPECT_EQ(audit.drain(consumer), published - expected);
        EXPECT_EQ(consumer.lost(), 0U);
        EXPECT_EQ(audit.complaint(), "");
        test::publish_next(producer_, kRecipe);
    }
}

// A reader that comes while events come: the producer publishes as many as fit beside the headroom before the first
// read. Catches: a start at the edge, too little headroom, more of it than a quarter, headroom where nothing was
// overwritten.
TEST_P(Attach, TheStartLeavesTheProducerAQuarterOfARingThatWentRound) {
    const std::uint64_t slots = GetParam();
    for (std::uint64_t published = 0; published <= 4 * slots; ++published) {
        const ring::Ticket start = ring::attach_ticket(region_.memory());
        const std::uint64_t headroom = published > slots ? slots / 4 : 0;
        ASSERT_EQ(start, (published > slots ? published - slots : 0) + headroom) << published;
        ring::Consumer<> consumer(region_.memory(), start);
        test::publish_many(producer_, kRecipe, headroom);
        test::ReaderAudit audit(kRecipe, start);
        EXPECT_EQ(audit.drain(consumer), published - start + headroom);
        EXPECT_EQ(consumer.lost(), 0U) << published;
        EXPECT_EQ(audit.complaint(), "");
        published += headroom;
        test::publish_next(producer_, kRecipe);
    }
}

TEST_P(Attach, DuringTrafficFromNowOnSeesWhatFollowsOnly) {
    test::publish_many(producer_, kRecipe, 3 * GetParam() + 1);
    ring::Consumer<> consumer(region_.memory(), region_.memory().load_published());
    test::ReaderAudit audit(kRecipe, 3 * GetParam() + 1);
    EXPECT_EQ(audit.drain(consumer), 0U);
    test::publish_many(producer_, kRecipe, 2);
    EXPECT_EQ(audit.drain(consumer), 2U);
    EXPECT_EQ(audit.complaint(), "");
}

TEST_P(Attach, AfterTrafficHasEndedFindsWhatIsKept) {
    test::publish_many(producer_, kRecipe, 10 * GetParam() + 1);
    producer_.close();
    const ring::Ticket oldest = ring::oldest_ticket(region_.memory());
    ring::Consumer<> consumer(region_.memory(), oldest);
    test::ReaderAudit audit(kRecipe, oldest);
    EXPECT_EQ(audit.drain(consumer), GetParam());
    EXPECT_EQ(region_.memory().load_state(), AEGIS_RING_CLOSING);
    EXPECT_EQ(audit.complaint(), "");
}

TEST_P(Attach, BeforeTheProducerSeesTheFirstEvent) {
    ring::Consumer<> consumer(region_.memory(), 0);
    test::ReaderAudit audit(kRecipe, 0);
    EXPECT_EQ(audit.drain(consumer), 0U);
    test::publish_next(producer_, kRecipe);
    EXPECT_EQ(audit.drain(consumer), 1U);
    EXPECT_EQ(audit.complaint(), "");
}

// The hint may lag behind a consumer that polls the slots: the lag is then 0, not 2^64 - 1.
TEST(Consumer, LagIsNeverNegative) {
    test::FormattedRegion region(64);
    ring::Producer<> producer(region.memory());
    ring::Consumer<> consumer(region.memory(), 0);
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
    ring::Consumer<> consumer(region.memory(), 0);
    EXPECT_EQ(consumer.memory().event_words(3), region.memory().event_words(3));
    EXPECT_EQ(ring::Consumer<>().cursor(), 0U);
}

}  // namespace
}  // namespace aegis
