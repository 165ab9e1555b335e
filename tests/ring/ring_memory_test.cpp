// Positions, versions and where a position's cell lies.

#include "aegis/ring/ring_memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "support/private_ring.hpp"

namespace aegis {
namespace {

struct Vectors : ring::StdAtomics {
    static constexpr bool kVectorCopy = true;
};

struct Words : ring::StdAtomics {
    static constexpr bool kVectorCopy = false;
};

// Only these take the short way: what lies in one cell and what the copy without a loop takes.
//
// Catches: a bound one off, the event header counted or not, sizes below 0 that come round, a ring that takes less than
// a cell.
template <class Atomics>
void expect_usual_sizes(std::size_t fewest) {
    typename ring::RingMemory<Atomics>::Word cells[2 * 320 / sizeof(std::uint64_t)] = {};
    for (const std::size_t cell_bytes : {32U, 48U, 64U, 192U, 320U}) {
        const std::size_t data = cell_bytes - AEGIS_CELL_HEADER_BYTES;
        for (const std::size_t event_bytes :
             {std::size_t{16}, std::size_t{17}, std::size_t{31}, std::size_t{40}, data, 2 * data}) {
            const ring::RingMemory<Atomics> memory({}, cells, {2, cell_bytes, event_bytes});
            const std::size_t most =
                std::min(std::min(data, event_bytes) - sizeof(AEGIS_EVENT_HEADER), std::size_t{192});
            for (std::size_t bytes = 0; bytes < 2 * data; ++bytes) {
                EXPECT_EQ(memory.is_usual(bytes), bytes >= fewest && bytes <= most) << bytes << " of " << most;
            }
            for (std::size_t below = 1; below <= 16; ++below) {
                EXPECT_FALSE(memory.is_usual(std::size_t{0} - below)) << below;
            }
        }
    }
}

TEST(RingMemory, KnowsWhichSizesTakeTheShortWay) {
    expect_usual_sizes<Vectors>(16);
    expect_usual_sizes<Words>(0);
}

TEST(Version, IsOddWhileWrittenAndEvenWhenComplete) {
    EXPECT_EQ(ring::version_while_written(0), 1U);
    EXPECT_EQ(ring::version_when_complete(0), 2U);
    EXPECT_EQ(ring::version_while_written(41), 83U);
    EXPECT_EQ(ring::version_when_complete(41), 84U);
}

// Catches: a limit that would let the last ticket's version wrap to that of an untouched cell.
TEST(Version, OfTheLastTicketIsTheLastEvenNumber) {
    EXPECT_EQ(ring::kTicketLimit, std::uint64_t{0x7FFFFFFFFFFFFFFF});
    EXPECT_EQ(ring::version_while_written(ring::kTicketLimit - 1), UINT64_MAX - 2);
    EXPECT_EQ(ring::version_when_complete(ring::kTicketLimit - 1), UINT64_MAX - 1);
    EXPECT_EQ(ring::version_when_complete(ring::kPositionLimit), 0U);
    EXPECT_EQ(ring::kPositionLimit, ring::kTicketLimit);
}

TEST(RingMemory, PutsAPositionIntoItsCellBehindVersionAndTicket) {
    for (const std::uint64_t count : {2U, 5U, 64U}) {
        test::PrivateRing<> ring(count, 6);
        ring::RingMemory<> memory = ring.memory();
        ring::Place walked = memory.place_of(0);
        for (ring::Position position = 0; position < 3 * count; ++position) {
            const ring::Place place = memory.place_of(position);
            EXPECT_EQ(place.position, position);
            EXPECT_EQ(walked.position, position);
            EXPECT_EQ(walked.cell, place.cell);
            EXPECT_EQ(memory.data_words(place), ring.event(position % count));
            memory.mark_write_begun(place);
            EXPECT_EQ(ring.version(position % count)->load(), 2 * position + 1);
            EXPECT_EQ(memory.load_version(place), 2 * position + 1);
            memory.store_ticket(place, position + 77);
            EXPECT_EQ(ring.ticket(position % count)->load(), position + 77);
            EXPECT_EQ(memory.load_ticket(place), position + 77);
            memory.mark_write_complete(place);
            EXPECT_EQ(memory.load_version(memory.place_of(position + count)), 2 * position + 2);
            EXPECT_EQ(memory.recheck_version(place), 2 * position + 2);
            walked = memory.next(walked);
        }
    }
}

TEST(RingMemory, FindsTheCellOfTheLastPosition) {
    test::PrivateRing<> ring(5, 2);
    const ring::Position last = ring::kPositionLimit - 1;
    EXPECT_EQ(ring.memory().data_words(ring.memory().place_of(last)), ring.event(last % 5));
}

TEST(RingMemory, KnowsItsGeometry) {
    test::PrivateRing<> ring(8, 6);
    EXPECT_EQ(ring.memory().cell_count(), 8U);
    EXPECT_EQ(ring.memory().cell_data_bytes(), 48U);
    EXPECT_EQ(ring.memory().event_capacity(), 384U);
    EXPECT_EQ(ring.memory().most_cells(), 8U);
    test::PrivateRing<> large(64, 22);
    EXPECT_EQ(large.memory().event_capacity(), AEGIS_RING_EVENT_BYTES);
    EXPECT_EQ(large.memory().most_cells(), AEGIS_EVENT_CELLS_MAX);
    test::PrivateRing<> odd(64, 20);
    EXPECT_EQ(odd.memory().most_cells(), 7U) << "the last one is not full";
}

TEST(RingMemory, KeepsItsCountersApart) {
    test::PrivateRing<> ring(2, 2);
    ring::RingMemory<> memory = ring.memory();
    memory.store_published(1);
    memory.store_newest(4);
    memory.store_wakeups_sent(2);
    memory.store_state(3);
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        memory.store_lost_before(reason, 10 + reason);
    }
    EXPECT_EQ(memory.load_published(), 1U);
    EXPECT_EQ(memory.load_newest(), 4U);
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
