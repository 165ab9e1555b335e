// Copies and reads right up to pages that nobody may touch: one byte too many is a fault, sanitizer or not.

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/consumer_group.hpp"
#include "aegis/ring/producer.hpp"
#include "aegis/ring/region.hpp"
#include "contention/mapping.hpp"
#include "contention/scale.hpp"
#include "support/seed.hpp"
#include "support/zeroed_region.hpp"

namespace aegis {
namespace {

// 64 cells fill their pages exactly, so the last cell ends where the guard page begins.
constexpr std::uint32_t kCells = 64;

class GuardPage : public testing::Test {
  protected:
    GuardPage() { static_assert(ring::region_bytes(kCells) == AEGIS_RING_HEADER_BYTES + kCells * AEGIS_CELL_BYTES); }

    std::atomic<std::uint64_t>* words() { return reinterpret_cast<std::atomic<std::uint64_t>*>(region_.begin()); }

    // Runs `body` while another thread calls `write` over and over.
    template <class Write, class Body>
    void against_a_writer(Write&& write, Body&& body) {
        std::atomic<bool> stop{false};
        std::thread writer([&] {
            test::Random random = test::random_stream(300);
            while (!stop.load(std::memory_order_relaxed)) {
                write(random);
                if (random.one_in(64)) {
                    sched_yield();
                }
            }
        });
        body();
        stop.store(true);
        writer.join();
    }

    test::GuardedMemory region_{ring::region_bytes(kCells)};
    ring::RingMemory<> memory_ = ring::format_region(region_.begin(), kCells, test::kSessionA);
};

// Catches: a copy that reads whole words or vectors past the payload's end.
TEST_F(GuardPage, PublishReadsNothingBeyondThePayload) {
    constexpr std::size_t kLargest = AEGIS_RING_EVENT_BYTES - sizeof(AEGIS_EVENT_HEADER);
    const test::GuardedMemory payload(kLargest);
    for (std::size_t i = 0; i < kLargest; ++i) {
        payload.begin()[i] = static_cast<std::byte>(i);
    }
    ring::Producer<> producer(memory_);
    ring::Consumer<> consumer(memory_, {});
    ring::EventBuffer event;
    for (std::size_t bytes = 0; bytes <= kLargest; ++bytes) {
        ASSERT_TRUE(producer.publish(1, 0, payload.end() - bytes, bytes));
        ASSERT_EQ(consumer.read(event), ring::ReadStatus::kEvent);
        ASSERT_EQ(std::memcmp(event.payload(), payload.end() - bytes, bytes), 0) << bytes;
    }
}

// Catches: a copy that reads past a cell's end, goes on behind the last cell, or believes a size.
TEST_F(GuardPage, TheLastCellIsReadToItsLastByteAndNoFurther) {
    for (const ring::Position first : {kCells - 1, kCells - 2, kCells - AEGIS_EVENT_CELLS_MAX}) {
        for (const std::uint64_t claimed : {175U, 176U, 177U, 1055U, 1056U, 1057U, 0xFFFFU}) {
            const ring::Place place = memory_.place_of(first);
            memory_.data_words(place)[0].store(claimed, std::memory_order_relaxed);
            memory_.mark_write_complete(place);
            ring::Consumer<> consumer(memory_, {first, 0});
            ring::EventBuffer event;
            EXPECT_EQ(consumer.read(event), ring::ReadStatus::kEvent);
            EXPECT_EQ(event.size(), std::min<std::uint64_t>(claimed, AEGIS_RING_EVENT_BYTES));
        }
    }
}

// Catches: a copy that writes past a cell's end or behind the last cell.
TEST_F(GuardPage, TheLargestEventFillsTheLastCells) {
    const std::vector<std::byte> payload(AEGIS_RING_EVENT_BYTES - sizeof(AEGIS_EVENT_HEADER), std::byte{0x5A});
    for (std::uint32_t behind = 1; behind <= AEGIS_EVENT_CELLS_MAX; ++behind) {
        *(region_.end() - 1) = std::byte{0};
        ring::Producer<> producer(memory_, {kCells - behind, 0});
        EXPECT_TRUE(producer.publish(1, 0, payload.data(), payload.size()));
        EXPECT_EQ(*(region_.end() - 1), std::byte{0x5A});
    }
}

// A hostile writer changes any word of cells and counters while readers read.
//
// Catches: the size clamp removed, a resume position that goes back.
TEST_F(GuardPage, ReadersSurviveBytesThatChangeUnderThem) {
    const auto scribble = [this](test::Random& random) {
        const std::size_t first = offsetof(AEGIS_RING_HEADER, Published) / 8;
        std::size_t word = first + random.below(region_.size() / 8 - first);
        if (random.one_in(2)) {  // a version, a ticket or an event's header: what decides
            word = (AEGIS_RING_HEADER_BYTES + random.below(kCells) * AEGIS_CELL_BYTES) / 8 + random.below(3);
        }
        words()[word].store(random.one_in(2) ? random.below(std::uint64_t{4} * kCells) : random.next(),
                            std::memory_order_relaxed);
    };
    against_a_writer(scribble, [this] {
        ring::EventBuffer event;
        for (std::uint64_t round = 0; round < test::scaled(20000); ++round) {
            const ring::Ticket start = round % (ring::Ticket{2} * kCells);
            const ring::Position place = round % 3 == 0 ? start : round;
            ring::Consumer<> consumer(memory_, {place, start});
            ring::ConsumerGroup<> group(memory_, {place, start});
            ring::GroupMember<> member(group);
            for (int i = 0; i < 8; ++i) {
                const ring::Ticket cursor = consumer.cursor();
                if (consumer.read(event) != ring::ReadStatus::kEmpty) {
                    EXPECT_GT(consumer.cursor(), cursor);
                }
                EXPECT_LE(event.size(), ring::EventBuffer::kCapacity);
                EXPECT_EQ(consumer.delivered() + consumer.lost(), consumer.cursor() - start);
                member.read(event);
                EXPECT_EQ(member.delivered() + member.lost(), group.cursor() - start);
            }
        }
    });
}

// Catches: a header that is read again after it was checked.
TEST_F(GuardPage, OpeningSurvivesAHeaderThatChanges) {
    constexpr std::size_t kWords = sizeof(AEGIS_RING_IDENTITY) / 8;
    AEGIS_RING_IDENTITY identity = ring::load_identity(region_.begin());
    std::array<std::uint64_t, kWords> good;
    std::memcpy(good.data(), &identity, sizeof(identity));
    identity.CellCount = 1U << 20U;
    identity.HeaderBytes = 1U << 20U;
    std::array<std::uint64_t, kWords> bad;
    std::memcpy(bad.data(), &identity, sizeof(identity));

    const auto flip = [&](test::Random& random) {
        const std::size_t word = random.below(kWords);
        words()[word].store(random.one_in(4) ? bad[word] : good[word], std::memory_order_relaxed);
    };
    std::uint64_t accepted = 0;
    against_a_writer(flip, [&] {
        for (std::uint64_t round = 0; round < test::scaled(200000); ++round) {
            const ring::OpenedRegion<> opened = ring::open_region(region_.begin(), region_.size());
            if (opened.error == ring::RegionError::kNone) {
                ++accepted;
                EXPECT_EQ(opened.memory.cell_count(), kCells);
                ring::Consumer<> consumer(opened.memory, {UINT64_MAX / 4, 0});
                ring::EventBuffer event;
                EXPECT_EQ(consumer.read(event), ring::ReadStatus::kEmpty);
            }
        }
    });
    EXPECT_GT(accepted, 0U);
}

}  // namespace
}  // namespace aegis
