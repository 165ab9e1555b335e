// Readers over bytes that no producer wrote, still or changing under them.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/consumer_group.hpp"
#include "aegis/ring/region.hpp"
#include "support/hooked_atomics.hpp"
#include "support/random.hpp"
#include "support/stepping.hpp"
#include "support/zeroed_region.hpp"

namespace aegis {
namespace {

using ring::ReadStatus;
using test::HookedAtomics;
using Word = HookedAtomics::Atomic<std::uint64_t>;

// Numbers that sit on the edges of the protocol as often as not.
std::uint64_t nasty(test::Random& random) {
    const std::uint64_t near = random.below(5) - 2;
    switch (random.below(6)) {
        case 0:
            return near;
        case 1:
            return ring::kTicketLimit + near;
        case 2:
            return std::uint64_t{1} << random.below(64);
        case 3:
            return random.below(64);
        case 4:
            return (std::uint64_t{1} << 32U) + near;
        default:
            return random.next();
    }
}

class Hostile : public testing::TestWithParam<std::uint64_t> {
  protected:
    static constexpr std::uint32_t kCells = 13;

    // A valid header over random cells, small enough in range that versions meet cursors.
    Hostile() {
        ring::format_region(region_.data(), kCells, test::kSessionA);
        memory_ = ring::ring_memory_of<HookedAtomics>(region_.data(), ring::load_identity(region_.data()));
        for (std::size_t at = offsetof(AEGIS_RING_HEADER, Published); at < region_.size(); at += 8) {
            write(at, nasty(random_));
        }
    }

    void write(std::size_t at, std::uint64_t value) { std::memcpy(region_.data() + at, &value, sizeof(value)); }

    void scribble() {
        const std::size_t first = offsetof(AEGIS_RING_HEADER, Published) / 8;
        std::size_t word = first + random_.below(region_.size() / 8 - first);
        if (random_.one_in(2)) {  // a version, a ticket or an event's header: what decides
            word = (AEGIS_RING_HEADER_BYTES + random_.below(kCells) * AEGIS_CELL_BYTES) / 8 + random_.below(3);
        }
        write(word * 8, nasty(random_));
    }

    // Runs a read with a check of every address, and `disturb` before every access.
    template <class Read>
    ReadStatus guarded(Read&& read, bool disturb, std::size_t most_accesses) {
        std::size_t accesses = 0;
        const test::AccessHook hook([&](const test::Access& access) {
            ++accesses;
            const auto* byte = static_cast<const std::byte*>(access.word);
            if (byte >= region_.data() && byte < region_.data() + region_.size()) {
                EXPECT_EQ(access.op, test::Op::kLoad) << "a reader wrote to shared memory";
            } else {
                const bool own = byte == group_word_ || byte == static_cast<const std::byte*>(group_word_) + 8;
                EXPECT_TRUE(byte == nullptr || own) << "a read outside the region";
            }
            if (disturb) {
                scribble();
            }
        });
        const ReadStatus status = read();
        EXPECT_LE(accesses, most_accesses);
        return status;
    }

    // Per try: two looks, a fence, the ticket, the words of an event, the newest position and the search from there.
    static constexpr std::size_t kMostAccesses =
        (ring::detail::kMostTries + 1) *
        (2 + 1 + 1 + AEGIS_RING_EVENT_BYTES / 8 + 1 + std::size_t{3} * AEGIS_EVENT_CELLS_MAX);

    test::ZeroedRegion region_{ring::region_bytes(kCells)};
    test::Random random_{GetParam()};
    ring::RingMemory<HookedAtomics> memory_;
    // A position in or near the range of the versions, or anywhere.
    ring::Position nasty_place() { return random_.one_in(2) ? random_.below(32) : nasty(random_); }

    const void* group_word_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Seeds, Hostile, testing::Range(std::uint64_t{1}, std::uint64_t{9}));

// Catches: the size clamp removed, a resume position that goes back, a loop that bytes can prolong.
TEST_P(Hostile, AConsumerStaysInsideAdvancesAndCounts) {
    for (int round = 0; round < 200; ++round) {
        const ring::Ticket start = random_.one_in(2) ? random_.below(32) : ring::kTicketLimit - 1 - random_.below(32);
        ring::Consumer<HookedAtomics> consumer(memory_, {nasty_place(), start});
        ring::EventBuffer event;
        for (int i = 0; i < 50; ++i) {
            const ring::Ticket cursor = consumer.cursor();
            const std::uint64_t delivered = consumer.delivered();
            const std::uint64_t lost = consumer.lost();
            const ReadStatus status = guarded([&] { return consumer.read(event); }, round % 2 == 1, kMostAccesses);
            ASSERT_EQ(consumer.delivered() + consumer.lost(), consumer.cursor() - start);
            switch (status) {
                case ReadStatus::kEmpty:
                    ASSERT_EQ(consumer.cursor(), cursor);
                    ASSERT_EQ(consumer.lost(), lost);
                    scribble();
                    break;
                case ReadStatus::kEvent:
                    ASSERT_EQ(consumer.cursor(), cursor + 1);
                    ASSERT_EQ(consumer.delivered(), delivered + 1);
                    ASSERT_EQ(consumer.lost(), lost);
                    ASSERT_EQ(event.ticket(), cursor);
                    ASSERT_GE(event.size(), sizeof(AEGIS_EVENT_HEADER));
                    ASSERT_LE(event.size(), ring::EventBuffer::kCapacity);
                    break;
                case ReadStatus::kLapped:
                    ASSERT_GT(consumer.cursor(), cursor);
                    ASSERT_EQ(consumer.delivered(), delivered);
                    ASSERT_EQ(consumer.last_loss().first, cursor);
                    ASSERT_EQ(consumer.lost(), lost + consumer.last_loss().count);
                    break;
            }
        }
    }
}

TEST_P(Hostile, AGroupStaysInsideAdvancesAndCounts) {
    for (int round = 0; round < 200; ++round) {
        const ring::Ticket start = random_.one_in(2) ? random_.below(32) : ring::kTicketLimit - 1 - random_.below(32);
        ring::ConsumerGroup<HookedAtomics> group(memory_, {nasty_place(), start});
        ring::GroupMember<HookedAtomics> member(group);
        {
            const test::AccessHook hook([&](const test::Access& access) { group_word_ = access.word; });
            (void)group.cursor();  // its other word follows it
        }
        ring::EventBuffer event;
        for (int i = 0; i < 50; ++i) {
            const ring::Ticket cursor = group.cursor();
            const ReadStatus status = guarded([&] { return member.read(event); }, round % 2 == 1, 40 * kMostAccesses);
            ASSERT_EQ(member.delivered() + member.lost(), group.cursor() - start);
            if (status == ReadStatus::kEmpty) {
                ASSERT_EQ(group.cursor(), cursor);
                scribble();
            } else {
                ASSERT_GT(group.cursor(), cursor);
            }
        }
    }
}

// Catches: a resume position that revisits tickets, so that unchanging bytes keep a reader busy for ever.
TEST_P(Hostile, ReadingUnchangingBytesComesToAnEnd) {
    for (int round = 0; round < 200; ++round) {
        for (int i = 0; i < 20; ++i) {
            scribble();
        }
        const ring::Ticket start = random_.one_in(2) ? 0 : nasty(random_) % ring::kTicketLimit;
        ring::Consumer<HookedAtomics> consumer(memory_, {nasty_place(), start});
        ring::EventBuffer event;
        int reads = 0;
        while (consumer.read(event) != ReadStatus::kEmpty) {
            ASSERT_LT(++reads, 2000) << "cursor " << consumer.cursor();
        }
    }
}

TEST_P(Hostile, AnyHeaderIsRefusedOrItsCellsLieInside) {
    constexpr std::size_t kIdentityWords = sizeof(AEGIS_RING_IDENTITY) / 8;
    int accepted = 0;
    for (int round = 0; round < 20000; ++round) {
        test::ZeroedRegion region(AEGIS_PAGE * (1 + random_.below(3)));
        ring::format_region(region.data(), 2, test::kSessionA);
        for (std::uint64_t i = random_.below(4); i > 0; --i) {
            const std::uint64_t value = nasty(random_);
            const std::size_t at = random_.below(kIdentityWords * 8 - 3);
            std::memcpy(region.data() + at, &value, 4);
        }
        ring::OpenedRegion<HookedAtomics> opened;
        {
            const test::AccessHook hook([&](const test::Access& access) {
                EXPECT_LT(static_cast<const std::byte*>(access.word), region.data() + sizeof(AEGIS_RING_IDENTITY));
            });
            opened = ring::open_region<HookedAtomics>(region.data(), region.size());
        }
        EXPECT_EQ(ring::check_region(region.data(), region.size()), opened.error);
        if (opened.error != ring::RegionError::kNone) {
            continue;
        }
        ++accepted;
        const std::byte* const end = region.data() + region.size();
        const std::uint64_t cells = opened.memory.cell_count();
        for (const ring::Position position : {ring::Position{0}, ring::Position{1}, cells - 1, UINT64_MAX}) {
            const ring::Place place = opened.memory.place_of(position);
            const auto* words = reinterpret_cast<const std::byte*>(opened.memory.data_words(place));
            ASSERT_GE(words, region.data() + sizeof(AEGIS_RING_HEADER));
            ASSERT_LE(words + opened.memory.cell_data_bytes(), end);
        }
        ASSERT_EQ(opened.memory.next(opened.memory.place_of(cells - 1)).cell, opened.memory.place_of(0).cell);
        ring::Consumer<HookedAtomics> consumer(opened.memory, {});
        ring::EventBuffer event;
        consumer.read(event);
    }
    EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace aegis
