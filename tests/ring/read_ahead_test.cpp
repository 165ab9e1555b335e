// Which lines reader and producer ask for, and how often a reader looks how far it may.

#include "aegis/ring/read_ahead.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/producer.hpp"
#include "support/hooked_atomics.hpp"
#include "support/private_ring.hpp"

namespace aegis {
namespace {

using ring::Position;
using ring::ReadStatus;

std::vector<const void*> g_asked_to_read;
std::vector<const void*> g_asked_to_write;

// Writes down which lines are asked for.
struct HintAtomics : test::HookedAtomics {
    static constexpr bool kPrefetch = true;
    static void prefetch_to_read(const void* line) { g_asked_to_read.push_back(line); }
    static void prefetch_to_write(const void* line) { g_asked_to_write.push_back(line); }
};

using Ahead = ring::detail::ReadAhead<HintAtomics>;

constexpr std::size_t kEventWords = AEGIS_CELL_DATA_BYTES / sizeof(std::uint64_t);
constexpr std::uint64_t kCells = 2048;
constexpr std::array<std::byte, AEGIS_RING_EVENT_BYTES> kPayload = {};

class Hints : public testing::Test {
  protected:
    Hints() {
        g_asked_to_read.clear();
        g_asked_to_write.clear();
    }

    void publish(std::size_t event_bytes, unsigned events = 1) {
        for (unsigned i = 0; i < events; ++i) {
            ASSERT_TRUE(producer_.publish(1, 0, kPayload.data(), event_bytes - sizeof(AEGIS_EVENT_HEADER)));
        }
    }

    // How often the position of the newest event was loaded meanwhile.
    template <class Action>
    unsigned looks_during(const Action& action) {
        unsigned looks = 0;
        const test::AccessHook hook([&](const test::Access& access) {
            looks += access.op == test::Op::kLoad && access.word == &ring_.newest ? 1 : 0;
        });
        action();
        return looks;
    }

    // The lines of the cell `cells` behind the one at `position`, so many of them.
    std::vector<const void*> lines(Position position, std::size_t cells, std::size_t count) {
        std::vector<const void*> all;
        for (std::size_t line = 0; line < count; ++line) {
            all.push_back(reinterpret_cast<const std::byte*>(ring_.version(position)) + cells * AEGIS_CELL_BYTES +
                          line * AEGIS_CACHE_LINE);
        }
        return all;
    }

    test::PrivateRing<HintAtomics> ring_{kCells, kEventWords};
    ring::Producer<HintAtomics> producer_{ring_.memory()};
    ring::Consumer<HintAtomics> consumer_{ring_.memory(), {}};
    ring::EventBuffer event_;
};

// Catches: no hint, one for another cell, a line too few or too many.
TEST_F(Hints, TheProducerAsksForTheLinesThatAnEventOfThisSizeTakesSomeCellsLater) {
    constexpr std::size_t kAhead = ring::Producer<HintAtomics>::kPrefetchCells;
    Position after = 0;
    for (const auto& [bytes, cells, count] : {std::array<std::size_t, 3>{16, 1, 1},
                                              {48, 1, 1},
                                              {49, 1, 2},
                                              {112, 1, 2},
                                              {113, 1, 3},
                                              {176, 1, 3},
                                              {320, 2, 6},
                                              {AEGIS_RING_EVENT_BYTES, AEGIS_EVENT_CELLS_MAX, 17}}) {
        g_asked_to_write.clear();
        publish(bytes);
        after += cells;
        EXPECT_EQ(g_asked_to_write, lines(after, kAhead, count)) << bytes << " bytes";
    }
    EXPECT_TRUE(g_asked_to_read.empty());
}

// Catches: no hint, one for another cell or another size, one beyond what is published, looking at each event.
TEST_F(Hints, AReaderAsksForLinesOfLaterCellsThatArePublished) {
    constexpr unsigned kEvents = 1000;
    for (const std::size_t bytes : {std::size_t{48}, std::size_t{176}}) {
        publish(bytes, kEvents);
        const Position newest = producer_.newest();
        const std::size_t count = bytes == 48 ? 1 : 3;
        // Where the events of the other size begin, it cannot know yet.
        ASSERT_EQ(consumer_.read(event_), ReadStatus::kEvent);
        unsigned asked = 0;
        const unsigned looks = looks_during([&] {
            for (unsigned i = 1; i < kEvents; ++i) {
                g_asked_to_read.clear();
                ASSERT_EQ(consumer_.read(event_), ReadStatus::kEvent);
                const Position next = consumer_.position();
                if (!g_asked_to_read.empty()) {
                    ++asked;
                    ASSERT_LE(next + Ahead::kCells, newest);
                    ASSERT_EQ(g_asked_to_read, lines(next, Ahead::kCells, count)) << next;
                }
            }
        });
        EXPECT_GE(asked, kEvents - Ahead::kCells - Ahead::kCellsPerLook) << bytes << " bytes";
        EXPECT_LE(looks, 1U);
    }
}

// Catches: hints about cells that are still to be written, looking whenever there is nothing to ask for, looks that
// come the more seldom the longer one reads.
TEST_F(Hints, AReaderAtTheProducersHeelsAsksForNothingAndHardlyLooks) {
    constexpr unsigned kEvents = 10'000;
    const unsigned looks = looks_during([&] {
        for (unsigned i = 0; i < kEvents; ++i) {
            publish(48);
            ASSERT_EQ(consumer_.read(event_), ReadStatus::kEvent);
        }
    });
    EXPECT_TRUE(g_asked_to_read.empty());
    EXPECT_GE(looks, kEvents / (Ahead::kCellsPerLook + Ahead::kCells));
    EXPECT_LE(looks, kEvents / Ahead::kCellsPerLook + 1);
}

// Catches: a hint for events of several cells left out.
TEST_F(Hints, AReaderOfLongEventsAsksAsWell) {
    constexpr unsigned kEvents = 300;
    publish(AEGIS_RING_EVENT_BYTES, kEvents);
    for (unsigned i = 0; i < 10; ++i) {
        g_asked_to_read.clear();
        ASSERT_EQ(consumer_.read(event_), ReadStatus::kEvent);
    }
    EXPECT_EQ(g_asked_to_read, lines(consumer_.position(), Ahead::kCells, 17));
}

// The shared word may hold anything. Catches: a hint whose address comes from it.
TEST_F(Hints, WhateverTheNewestPositionIsOnlyTheNextCellsAreAskedFor) {
    for (const std::uint64_t newest :
         {std::uint64_t{0}, std::uint64_t{Ahead::kCells}, ring::kPositionLimit, UINT64_MAX}) {
        publish(48, 600);
        ring_.newest.set_raw(newest);
        for (unsigned i = 0; i < 600; ++i) {
            g_asked_to_read.clear();
            ASSERT_EQ(consumer_.read(event_), ReadStatus::kEvent);
            ASSERT_TRUE(g_asked_to_read.empty() ||
                        g_asked_to_read == lines(consumer_.position() % kCells, Ahead::kCells, 1));
        }
    }
    EXPECT_EQ(consumer_.lost(), 0U);
}

}  // namespace
}  // namespace aegis
