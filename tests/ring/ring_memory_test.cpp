// Tickets, versions and where a ticket's slot lies.

#include "aegis/ring/ring_memory.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <type_traits>

#include "support/private_ring.hpp"

namespace aegis {
namespace {

TEST(Version, IsOddWhileWrittenAndEvenWhenComplete) {
    EXPECT_EQ(ring::version_while_written(0), 1U);
    EXPECT_EQ(ring::version_when_complete(0), 2U);
    EXPECT_EQ(ring::version_while_written(41), 83U);
    EXPECT_EQ(ring::version_when_complete(41), 84U);
}

// Catches: a limit that would let the last ticket's version wrap to that of an untouched slot.
TEST(Version, OfTheLastTicketIsTheLastEvenNumber) {
    EXPECT_EQ(ring::kTicketLimit, std::uint64_t{0x7FFFFFFFFFFFFFFF});
    EXPECT_EQ(ring::version_while_written(ring::kTicketLimit - 1), UINT64_MAX - 2);
    EXPECT_EQ(ring::version_when_complete(ring::kTicketLimit - 1), UINT64_MAX - 1);
    EXPECT_EQ(ring::version_when_complete(ring::kTicketLimit), 0U);
}

TEST(RingMemory, PutsATicketIntoItsSlotBehindTheVersion) {
    for (const std::uint64_t count : {2U, 4U, 64U}) {
        test::PrivateRing<> ring(count, 5);
        ring::RingMemory<> memory = ring.memory();
        const ring::RingMemory<>& constant = memory;
        for (std::uint64_t ticket = 0; ticket < 3 * count; ++ticket) {
            EXPECT_EQ(memory.event_words(ticket), ring.event(ticket % count));
            EXPECT_EQ(constant.event_words(ticket), ring.event(ticket % count));
            memory.mark_write_begun(ticket);
            EXPECT_EQ(ring.version(ticket % count)->load(), 2 * ticket + 1);
            EXPECT_EQ(memory.load_version(ticket), 2 * ticket + 1);
            memory.mark_write_complete(ticket);
            EXPECT_EQ(memory.load_version(ticket + count), 2 * ticket + 2);
            EXPECT_EQ(memory.recheck_version(ticket), 2 * ticket + 2);
        }
    }
}

TEST(RingMemory, KnowsItsGeometry) {
    test::PrivateRing<> ring(8, 5);
    EXPECT_EQ(ring.memory().slot_count(), 8U);
    EXPECT_EQ(ring.memory().event_capacity(), 40U);
}

TEST(RingMemory, KeepsItsCountersApart) {
    test::PrivateRing<> ring(2, 2);
    ring::RingMemory<> memory = ring.memory();
    memory.store_published(1);
    memory.store_wakeups_sent(2);
    memory.store_state(3);
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        memory.store_lost_before(reason, 10 + reason);
    }
    EXPECT_EQ(memory.load_published(), 1U);
    EXPECT_EQ(memory.load_wakeups_sent(), 2U);
    EXPECT_EQ(memory.load_state(), 3U);
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        EXPECT_EQ(memory.load_lost_before(reason), 10 + reason);
    }
}

// The driver copies it into members and hands it to threads without further thought.
TEST(RingMemory, IsAPlainValue) {
    EXPECT_TRUE(std::is_trivially_copyable_v<ring::RingMemory<>>);
    EXPECT_TRUE(std::is_trivially_destructible_v<ring::RingMemory<>>);
}

}  // namespace
}  // namespace aegis
