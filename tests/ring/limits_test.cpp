// The far ends of the counters: the 32-bit sequence wraps, the 64-bit ticket must not notice.

#include <gtest/gtest.h>

#include <cstdint>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/consumer_group.hpp"
#include "support/event_recipe.hpp"
#include "support/one_cell.hpp"
#include "support/private_ring.hpp"
#include "support/reader_audit.hpp"

namespace aegis {
namespace {

using ring::ReadStatus;

constexpr std::size_t kEventWords = 6;
constexpr test::EventRecipe kRecipe(4, 0, (kEventWords - 2) * 8);

class Limits : public testing::TestWithParam<ring::Ticket> {
  protected:
    static constexpr std::uint64_t kCells = 4;

    test::PrivateRing<> ring_{kCells, kEventWords};
    ring::Producer<> producer_{ring_.memory(), test::at(GetParam())};
};

// The event that crosses each border is the fourth or so of the run.
INSTANTIATE_TEST_SUITE_P(Borders, Limits,
                         testing::Values(0xFFFFFFFFU - 4,               // the sequence becomes 0
                                         0x7FFFFFFFU - 4,               // a version needs its 32nd bit
                                         0xFFFFFFFFFFU - 4,             //
                                         0x7FFFFFFFFFFFFFFFU - 20,      // the last tickets there are
                                         (std::uint64_t{1} << 62U) - 4  // a version needs its 64th bit
                                         ));

TEST_P(Limits, EventsArriveInOrderAcrossTheBorder) {
    const ring::Ticket first = GetParam();
    ring::Consumer<> consumer(ring_.memory(), test::at(first));
    test::ReaderAudit audit(kRecipe, first);
    for (std::uint64_t i = 0; i < 20; ++i) {
        test::publish_next(producer_, kRecipe);
        EXPECT_EQ(consumer.lag(), 1U);
        EXPECT_EQ(audit.drain(consumer), 1U);
    }
    EXPECT_EQ(audit.complaint(), "");
    EXPECT_EQ(consumer.delivered(), 20U);
    EXPECT_EQ(consumer.lost(), 0U);
    EXPECT_EQ(consumer.cursor(), first + 20);
}

TEST_P(Limits, ALapAcrossTheBorderIsCountedExactly) {
    const ring::Ticket first = GetParam();
    ring::Consumer<> consumer(ring_.memory(), test::at(first));
    test::ReaderAudit audit(kRecipe, first);
    test::publish_many(producer_, kRecipe, 13);
    ring::EventBuffer event;
    audit.after_read(consumer, consumer.read(event), event);
    EXPECT_EQ(consumer.cursor(), first + 13 - kCells + 1 + 1);
    EXPECT_EQ(audit.drain(consumer), 2U);
    EXPECT_EQ(consumer.lost(), 11U);
    EXPECT_EQ(audit.complaint(), "");
}

TEST_P(Limits, AGroupCrossesTheBorder) {
    const ring::Ticket first = GetParam();
    ring::ConsumerGroup<> group(ring_.memory(), test::at(first));
    ring::GroupMember<> a(group);
    ring::GroupMember<> b(group);
    ring::EventBuffer event;
    for (std::uint64_t i = 0; i < 20; ++i) {
        test::publish_next(producer_, kRecipe);
        ASSERT_EQ((i % 2 == 0 ? a : b).read(event), ReadStatus::kEvent);
        EXPECT_TRUE(kRecipe.matches(event, first + i)) << kRecipe.describe(event, first + i);
    }
    EXPECT_EQ(a.delivered(), 10U);
    EXPECT_EQ(b.delivered(), 10U);
    EXPECT_EQ(group.cursor(), first + 20);
}

TEST(SequenceWrap, GoesFromTheLargestNumberToZeroAndOn) {
    test::PrivateRing<> ring(4, kEventWords);
    ring::Producer<> producer(ring.memory(), test::at(0xFFFFFFFDU));
    ring::Consumer<> consumer(ring.memory(), test::at(0xFFFFFFFDU));
    ring::EventBuffer event;
    for (const std::uint32_t sequence : {0xFFFFFFFEU, 0xFFFFFFFFU, 0U, 1U, 2U}) {
        producer.publish(1, 0, nullptr, 0);
        ASSERT_EQ(consumer.read(event), ReadStatus::kEvent);
        EXPECT_EQ(event.header().Sequence, sequence);
    }
    EXPECT_EQ(event.ticket(), 0x100000001U) << "the ticket tells apart what the sequence cannot";
}

TEST(LastTicket, ArrivesAndIsFollowedByNothing) {
    test::PrivateRing<> ring(4, kEventWords);
    const ring::Ticket last = ring::kTicketLimit - 1;
    ring::Producer<> producer(ring.memory(), test::at(last - 4));
    ring::Consumer<> consumer(ring.memory(), test::at(last - 4));
    test::ReaderAudit audit(kRecipe, last - 4);
    test::publish_many(producer, kRecipe, 4);
    EXPECT_EQ(audit.drain(consumer), 4U);
    EXPECT_EQ(audit.drain(consumer), 0U) << "the last ticket is not there yet";
    test::publish_next(producer, kRecipe);
    ring::EventBuffer event;
    EXPECT_EQ(consumer.read(event), ReadStatus::kEvent);
    EXPECT_EQ(event.ticket(), last);
    EXPECT_TRUE(kRecipe.matches(event, last));
    EXPECT_EQ(producer.published(), ring::kTicketLimit);
    EXPECT_EQ(audit.complaint(), "");

    // Catches: a search that goes on behind the last position, where the wrapped version makes every cell look lapped.
    EXPECT_EQ(consumer.cursor(), ring::kTicketLimit);
    EXPECT_EQ(consumer.read(event), ReadStatus::kEmpty);
    EXPECT_EQ(consumer.lost(), 0U);
}

}  // namespace
}  // namespace aegis
