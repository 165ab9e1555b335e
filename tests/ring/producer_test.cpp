// The writing side: what one publish leaves in memory, and what it refuses.

#include "aegis/ring/producer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "support/private_ring.hpp"
#include "support/zeroed_region.hpp"

namespace aegis {
namespace {

TEST(Sequence, IsTicketPlusOneIn32Bits) {
    EXPECT_EQ(ring::sequence_of(0), 1U);
    EXPECT_EQ(ring::sequence_of(0xFFFFFFFDU), 0xFFFFFFFEU);
    EXPECT_EQ(ring::sequence_of(0xFFFFFFFEU), 0xFFFFFFFFU);
    EXPECT_EQ(ring::sequence_of(0xFFFFFFFFU), 0U);
    EXPECT_EQ(ring::sequence_of(0x100000000U), 1U);
    EXPECT_EQ(ring::sequence_of(ring::kTicketLimit - 1), 0xFFFFFFFFU);
}

constexpr std::size_t kLargestPayload = AEGIS_RING_EVENT_BYTES - sizeof(AEGIS_EVENT_HEADER);

class ProducerOverRegion : public testing::Test {
  protected:
    AEGIS_RING_CELL cell(std::size_t index) {
        AEGIS_RING_CELL cell;
        std::memcpy(&cell, region_.bytes().data() + AEGIS_RING_HEADER_BYTES + index * AEGIS_CELL_BYTES, sizeof(cell));
        return cell;
    }

    AEGIS_EVENT_HEADER event_header(std::size_t index) {
        const AEGIS_RING_CELL from = cell(index);
        AEGIS_EVENT_HEADER header;
        std::memcpy(&header, from.Data, sizeof(header));
        return header;
    }

    test::FormattedRegion region_{64};
    ring::Producer<> producer_{region_.memory()};
};

// Every byte of the ring, for every payload size there is, from the first cell and across the end.
//
// Catches: a wrong Size, header field, version or shift; a byte of the payload lost; a byte beyond it written.
TEST_F(ProducerOverRegion, WritesExactlyTheEventForEverySize) {
    std::array<std::uint8_t, kLargestPayload> payload;
    for (std::size_t i = 0; i < payload.size(); ++i) {
        payload[i] = static_cast<std::uint8_t>(i * 7 + 1);
    }
    constexpr std::size_t kCells = 8;
    for (std::size_t bytes = 0; bytes <= payload.size(); ++bytes) {
        for (const ring::Position first : {ring::Position{0}, ring::Position{5}, ring::Position{3 * kCells - 1}}) {
            test::FormattedRegion region(kCells);
            ring::Producer<> producer(region.memory(), {first, 7});
            const std::int64_t timestamp = -static_cast<std::int64_t>(bytes) - 1;
            ASSERT_TRUE(producer.publish(0xABCD, timestamp, payload.data(), bytes));

            std::array<std::byte, AEGIS_RING_EVENT_BYTES> event = {};
            const AEGIS_EVENT_HEADER header = {static_cast<std::uint16_t>(16 + bytes), 0xABCD, 8, timestamp};
            std::memcpy(event.data(), &header, sizeof(header));
            std::memcpy(event.data() + sizeof(header), payload.data(), bytes);
            std::array<AEGIS_RING_CELL, kCells> expected = {};
            const std::size_t cells = (16 + bytes + AEGIS_CELL_DATA_BYTES - 1) / AEGIS_CELL_DATA_BYTES;
            for (std::size_t i = 0; i < cells; ++i) {
                AEGIS_RING_CELL& cell = expected[(first + i) % kCells];
                cell.Version = i == 0 ? 2 * first + 2 : 2 * (first + i) + 1;
                cell.Ticket = i == 0 ? 7 : 0;
                std::memcpy(cell.Data, event.data() + i * AEGIS_CELL_DATA_BYTES, AEGIS_CELL_DATA_BYTES);
            }
            ASSERT_EQ(std::memcmp(region.bytes().data() + AEGIS_RING_HEADER_BYTES, expected.data(), sizeof(expected)),
                      0)
                << bytes << " at " << first;
            ASSERT_EQ(region.header()->Newest, first);
            ASSERT_EQ(region.header()->Published, 8U);
        }
    }
}

// Catches: a place that goes on by another number of cells than the event took.
TEST_F(ProducerOverRegion, EachEventBeginsBehindTheLastCellOfTheOneBefore) {
    const std::vector<std::byte> payload(kLargestPayload);
    ring::Position position = 0;
    for (std::size_t bytes = 0; bytes <= payload.size(); bytes += 53) {
        ASSERT_TRUE(producer_.publish(1, 0, payload.data(), bytes));
        ASSERT_EQ(producer_.newest(), position);
        ASSERT_EQ(region_.header()->Newest, position);
        ASSERT_EQ(cell(position % 64).Version, 2 * position + 2);
        position += (16 + bytes + AEGIS_CELL_DATA_BYTES - 1) / AEGIS_CELL_DATA_BYTES;
    }
}

TEST_F(ProducerOverRegion, NumbersTicketsCellsAndSequencesInOrder) {
    for (std::uint64_t ticket = 0; ticket < 200; ++ticket) {
        EXPECT_EQ(producer_.published(), ticket);
        EXPECT_EQ(region_.header()->Published, ticket);
        ASSERT_TRUE(producer_.publish(1, 0, nullptr, 0));
        EXPECT_EQ(cell(ticket % 64).Version, 2 * ticket + 2);
        EXPECT_EQ(event_header(ticket % 64).Sequence, ticket + 1);
    }
    EXPECT_EQ(producer_.published(), 200U);
    EXPECT_EQ(region_.header()->Published, 200U);
}

TEST_F(ProducerOverRegion, KeepsTypeAndTimestampWithinTheirFields) {
    producer_.publish(0xFFFF, INT64_MIN, nullptr, 0);
    AEGIS_EVENT_HEADER header = event_header(0);
    EXPECT_EQ(header.Size, 16U);
    EXPECT_EQ(header.Type, 0xFFFFU);
    EXPECT_EQ(header.Sequence, 1U);
    EXPECT_EQ(header.Timestamp, INT64_MIN);
    producer_.publish(0, -1, nullptr, 0);
    header = event_header(1);
    EXPECT_EQ(header.Type, 0U);
    EXPECT_EQ(header.Sequence, 2U);
    EXPECT_EQ(header.Timestamp, -1);
}

TEST_F(ProducerOverRegion, RefusesWhatDoesNotFitAndCountsIt) {
    const std::vector<std::byte> payload(kLargestPayload + 1);
    EXPECT_FALSE(producer_.publish(1, 0, payload.data(), kLargestPayload + 1));
    EXPECT_EQ(producer_.lost_before(AEGIS_LOST_OVERSIZE), 1U);
    EXPECT_EQ(region_.header()->LostBefore[AEGIS_LOST_OVERSIZE], 1U);
    EXPECT_TRUE(producer_.publish(1, 0, payload.data(), kLargestPayload));
    EXPECT_EQ(producer_.lost_before(AEGIS_LOST_OVERSIZE), 1U);
}

// Catches: a capacity check on the sum, which wraps for a huge length.
TEST_F(ProducerOverRegion, RefusesLengthsNearTheEndOfSizeT) {
    for (const std::size_t bytes : {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 16, SIZE_MAX / 2}) {
        EXPECT_FALSE(producer_.publish(1, 0, nullptr, bytes)) << bytes;
    }
    EXPECT_EQ(producer_.lost_before(AEGIS_LOST_OVERSIZE), 4U);
}

TEST_F(ProducerOverRegion, ARefusedEventUsesNoTicketAndTouchesNoCell) {
    const test::FormattedRegion untouched(64);
    EXPECT_FALSE(producer_.publish(1, 0, nullptr, 5000));
    EXPECT_EQ(producer_.published(), 0U);
    EXPECT_EQ(region_.header()->Published, 0U);
    const AEGIS_RING_CELL zero = {};
    const AEGIS_RING_CELL first = cell(0);
    EXPECT_EQ(std::memcmp(&first, &zero, sizeof(zero)), 0);
    producer_.publish(1, 0, nullptr, 0);
    EXPECT_EQ(event_header(0).Sequence, 1U);
}

TEST_F(ProducerOverRegion, CountsEachReasonByItself) {
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        for (unsigned i = 0; i <= reason; ++i) {
            producer_.count_lost(reason);
        }
    }
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        EXPECT_EQ(producer_.lost_before(reason), reason + 1);
        EXPECT_EQ(region_.header()->LostBefore[reason], reason + 1);
    }
}

// Catches: several events counted as one, or the count before them shown.
TEST_F(ProducerOverRegion, CountsSeveralLostEventsAtOnce) {
    producer_.count_lost(AEGIS_LOST_SOURCE, 7);
    producer_.count_lost(AEGIS_LOST_SOURCE, std::uint64_t{1} << 40U);
    producer_.count_lost(AEGIS_LOST_SOURCE);
    EXPECT_EQ(producer_.lost_before(AEGIS_LOST_SOURCE), (std::uint64_t{1} << 40U) + 8);
    EXPECT_EQ(region_.header()->LostBefore[AEGIS_LOST_SOURCE], (std::uint64_t{1} << 40U) + 8);
}

TEST_F(ProducerOverRegion, AddsUpWakeups) {
    EXPECT_EQ(producer_.wakeups_sent(), 0U);
    producer_.count_wakeups(2);
    producer_.count_wakeups(0);
    producer_.count_wakeups(3);
    EXPECT_EQ(producer_.wakeups_sent(), 5U);
    EXPECT_EQ(region_.header()->WakeupsSent, 5U);
}

TEST_F(ProducerOverRegion, SaysWhenItCloses) {
    EXPECT_EQ(region_.header()->State, AEGIS_RING_RUNNING);
    producer_.close();
    EXPECT_EQ(region_.header()->State, AEGIS_RING_CLOSING);
}

// Readers can scribble nowhere near it, but the rule holds whatever the shared words say: nothing is read back.
//
// Catches: published_, a place, a counter or a version loaded from shared memory.
TEST_F(ProducerOverRegion, NeverBelievesSharedMemory) {
    producer_.publish(1, 0, nullptr, 0);
    producer_.count_lost(AEGIS_LOST_CLOSING);
    producer_.count_wakeups(1);
    std::memset(&region_.header()->Published, 0xFF, sizeof(AEGIS_RING_HEADER) - offsetof(AEGIS_RING_HEADER, Published));
    std::memset(region_.bytes().data() + AEGIS_RING_HEADER_BYTES, 0xFF, std::size_t{64} * AEGIS_CELL_BYTES);

    producer_.publish(1, 0, nullptr, 0);
    producer_.count_lost(AEGIS_LOST_CLOSING);
    producer_.count_wakeups(1);
    EXPECT_EQ(producer_.published(), 2U);
    EXPECT_EQ(region_.header()->Published, 2U);
    EXPECT_EQ(region_.header()->Newest, 1U);
    EXPECT_EQ(cell(1).Ticket, 1U);
    EXPECT_EQ(cell(1).Version, 4U);
    EXPECT_EQ(event_header(1).Sequence, 2U);
    EXPECT_EQ(region_.header()->LostBefore[AEGIS_LOST_CLOSING], 2U);
    EXPECT_EQ(region_.header()->WakeupsSent, 2U);
}

TEST(ProducerCapacity, FollowsTheCells) {
    for (std::size_t words = 2; words < 8; words += 2) {
        test::PrivateRing<> ring(2, words);
        ring::Producer<> producer(ring.memory());
        const std::array<std::byte, 128> payload = {};
        const std::size_t largest = 2 * words * 8 - 16;
        EXPECT_FALSE(producer.publish(1, 0, payload.data(), largest + 1)) << words;
        EXPECT_TRUE(producer.publish(1, 0, payload.data(), largest)) << words;
        EXPECT_EQ(producer.lost_before(AEGIS_LOST_OVERSIZE), 1U);
    }
}

TEST(ProducerStart, MayBeAnyPlaceAndTicket) {
    test::PrivateRing<> ring(4, 2);
    ring::Producer<> producer(ring.memory(), {2001, 1001});
    EXPECT_EQ(ring.newest.load(), 2001U);
    EXPECT_EQ(producer.published(), 1001U);
    EXPECT_EQ(ring.published.load(), 1001U);
    producer.publish(1, 0, nullptr, 0);
    EXPECT_EQ(ring.version(1)->load(), 4004U);
    EXPECT_EQ(ring.ticket(1)->load(), 1001U);
    EXPECT_EQ(ring.newest.load(), 2001U);
    EXPECT_EQ(producer.newest(), 2001U);
    EXPECT_EQ(producer.published(), 1002U);
    EXPECT_EQ(ring.published.load(), 1002U);
}

TEST(ProducerStart, IsZeroByDefault) {
    test::PrivateRing<> ring(4, 2);
    ring.published.store(77);
    ring::Producer<> producer(ring.memory());
    EXPECT_EQ(producer.published(), 0U);
    EXPECT_EQ(ring.published.load(), 0U);
    EXPECT_EQ(ring::Producer<>().published(), 0U);
}

}  // namespace
}  // namespace aegis
