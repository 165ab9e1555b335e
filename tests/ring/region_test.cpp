// The region as bytes: its size, what the driver writes into it, what a consumer accepts.

#include "aegis/ring/region.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>

#include "support/hooked_atomics.hpp"
#include "support/stepping.hpp"
#include "support/zeroed_region.hpp"

namespace aegis {
namespace {

using ring::RegionError;
using test::HookedAtomics;

TEST(RegionBytes, IsHeaderAndCellsInWholePages) {
    EXPECT_EQ(ring::region_bytes(0), 4096U);
    EXPECT_EQ(ring::region_bytes(1), 8192U);
    EXPECT_EQ(ring::region_bytes(21), 8192U);
    EXPECT_EQ(ring::region_bytes(22), 12288U);
    EXPECT_EQ(ring::region_bytes(64), 4096U + 12288U);  // 64 cells fill 3 pages exactly
    EXPECT_EQ(ring::region_bytes(64, 1088), 4096U + 69632U);
    EXPECT_EQ(ring::region_bytes(1U << 31U), 4096U + (std::uint64_t{192} << 31U));
}

// Catches: more cells than the size has room for, or fewer; a size that overflows.
TEST(RingKib, BoundsTheRegion) {
    for (std::uint32_t kib = AEGIS_RING_KIB_MIN; kib <= AEGIS_RING_KIB_MAX; ++kib) {
        const std::uint64_t cells = ring::cells_in_kib(kib);
        const std::uint64_t used = AEGIS_RING_HEADER_BYTES + cells * AEGIS_CELL_BYTES;
        ASSERT_LE(used, std::uint64_t{kib} * 1024);
        ASSERT_GT(used + AEGIS_CELL_BYTES, std::uint64_t{kib} * 1024);
    }
    EXPECT_EQ(ring::cells_in_kib(64), 320U);
    EXPECT_EQ(ring::cells_in_kib(AEGIS_RING_KIB_DEFAULT), 23189U);
    EXPECT_EQ(ring::cells_in_kib(UINT32_MAX), (std::uint64_t{UINT32_MAX} * 1024 - 4096) / 192 % (1ULL << 32U));
}

TEST(RingKib, IsFrom64To69632) {
    EXPECT_FALSE(ring::is_valid_ring_kib(0));
    EXPECT_FALSE(ring::is_valid_ring_kib(63));
    EXPECT_TRUE(ring::is_valid_ring_kib(64));
    EXPECT_TRUE(ring::is_valid_ring_kib(65));
    EXPECT_TRUE(ring::is_valid_ring_kib(69632));
    EXPECT_FALSE(ring::is_valid_ring_kib(69633));
    EXPECT_FALSE(ring::is_valid_ring_kib((std::uint64_t{1} << 32U) + 64));
    EXPECT_FALSE(ring::is_valid_ring_kib(UINT64_MAX));
}

TEST(EventBytes, IsWhatTheCellsHoldAndNoMoreThanABuffer) {
    EXPECT_EQ(ring::event_bytes_of(2, 192), 352U);
    EXPECT_EQ(ring::event_bytes_of(5, 192), 880U);
    EXPECT_EQ(ring::event_bytes_of(6, 192), 1056U);
    EXPECT_EQ(ring::event_bytes_of(7, 192), 1056U);
    EXPECT_EQ(ring::event_bytes_of(2, 32), 32U);
    EXPECT_EQ(ring::event_bytes_of(UINT32_MAX, 1U << 20U), 1056U);
}

TEST(FormatRegion, WritesTheIdentityAndRunningStateAndNothingElse) {
    test::FormattedRegion region(64);
    AEGIS_RING_HEADER expected = {};
    expected.Identity.Magic = UINT64_C(0x474e495253474541);
    expected.Identity.AbiMajor = 2;
    expected.Identity.AbiMinor = 0;
    expected.Identity.HeaderBytes = 4096;
    expected.Identity.CellBytes = 192;
    expected.Identity.CellCount = 64;
    expected.Identity.RegionBytes = 4096 + 64 * 192;
    expected.Identity.EventBytes = 1056;
    std::memcpy(expected.Identity.SessionId, test::kSessionA, sizeof(test::kSessionA));
    expected.State = AEGIS_RING_RUNNING;

    test::ZeroedRegion whole(region.bytes().size());
    std::memcpy(whole.data(), &expected, sizeof(expected));
    EXPECT_EQ(std::memcmp(region.bytes().data(), whole.data(), whole.size()), 0);
}

TEST(FormatRegion, GivesTheWordsOfTheLayout) {
    test::FormattedRegion region(64);
    auto memory = region.memory();
    EXPECT_EQ(memory.cell_count(), 64U);
    EXPECT_EQ(memory.cell_data_bytes(), 176U);
    EXPECT_EQ(memory.event_capacity(), 1056U);

    memory.store_published(11);
    memory.store_newest(10);
    memory.store_lost_before(0, 12);
    memory.store_lost_before(3, 13);
    memory.store_wakeups_sent(14);
    memory.store_state(AEGIS_RING_CLOSING);
    const ring::Place place = memory.place_of(63);
    memory.mark_write_complete(place);
    memory.store_ticket(place, 16);
    memory.data_words(place)[21].store(15, std::memory_order_relaxed);

    const AEGIS_RING_HEADER* header = region.header();
    EXPECT_EQ(header->Published, 11U);
    EXPECT_EQ(header->Newest, 10U);
    EXPECT_EQ(header->LostBefore[0], 12U);
    EXPECT_EQ(header->LostBefore[3], 13U);
    EXPECT_EQ(header->WakeupsSent, 14U);
    EXPECT_EQ(header->State, AEGIS_RING_CLOSING);
    AEGIS_RING_CELL last;
    std::memcpy(&last, region.bytes().data() + 4096 + std::size_t{63} * 192, sizeof(last));
    EXPECT_EQ(last.Version, 128U);
    EXPECT_EQ(last.Ticket, 16U);
    EXPECT_EQ(last.Data[21], 15U);
}

TEST(RingMemoryOf, FindsTheSameWordsAgain) {
    test::FormattedRegion region(128);
    ring::RingMemory<> again = ring::ring_memory_of(region.bytes().data());
    EXPECT_EQ(again.cell_count(), 128U);
    EXPECT_EQ(again.event_capacity(), 1056U);
    EXPECT_EQ(again.data_words(again.place_of(5)), region.memory().data_words(region.memory().place_of(5)));
    again.store_published(3);
    EXPECT_EQ(region.memory().load_published(), 3U);
}

// Another driver version may write other sizes: the identity decides, not this build's constants.
//
// Catches: HeaderBytes, CellBytes, CellCount or EventBytes replaced by a constant.
TEST(RingMemoryOf, FollowsTheIdentitysGeometry) {
    test::ZeroedRegion region(AEGIS_PAGE);
    AEGIS_RING_IDENTITY identity = {};
    identity.HeaderBytes = 256;
    identity.CellBytes = 48;
    identity.CellCount = 9;
    identity.EventBytes = 100;
    const ring::RingMemory<> memory = ring::ring_memory_of(region.data(), identity);
    EXPECT_EQ(memory.cell_count(), 9U);
    EXPECT_EQ(memory.cell_data_bytes(), 32U);
    EXPECT_EQ(memory.event_capacity(), 100U);
    const auto data_at = [&](ring::Position position) {
        return static_cast<const void*>(memory.data_words(memory.place_of(position)));
    };
    EXPECT_EQ(data_at(0), region.data() + 256 + 16);
    EXPECT_EQ(data_at(8), region.data() + 256 + std::size_t{8} * 48 + 16);
    EXPECT_EQ(data_at(9), data_at(0));
}

TEST(LoadIdentity, CopiesEveryByte) {
    test::ZeroedRegion region(AEGIS_PAGE);
    for (std::size_t i = 0; i < sizeof(AEGIS_RING_IDENTITY); ++i) {
        region.data()[i] = static_cast<std::byte>(i + 1);
    }
    const AEGIS_RING_IDENTITY identity = ring::load_identity(region.data());
    EXPECT_EQ(std::memcmp(&identity, region.data(), sizeof(identity)), 0);
}

class CheckIdentity : public testing::Test {
  protected:
    CheckIdentity() {
        identity_.Magic = AEGIS_RING_MAGIC;
        identity_.AbiMajor = AEGIS_RING_ABI_MAJOR;
        identity_.HeaderBytes = AEGIS_RING_HEADER_BYTES;
        identity_.CellBytes = AEGIS_CELL_BYTES;
        identity_.CellCount = 64;
        identity_.RegionBytes = kBytes;
        identity_.EventBytes = AEGIS_RING_EVENT_BYTES;
    }

    RegionError check(std::uint64_t bytes = kBytes) const { return ring::check_identity(identity_, bytes); }

    // The error when only the geometry could be wrong: there is room for anything.
    RegionError check_geometry() {
        identity_.RegionBytes = std::uint64_t{1} << 62U;
        return check(std::uint64_t{1} << 62U);
    }

    static constexpr std::uint64_t kBytes = 4096 + 64 * 192;
    AEGIS_RING_IDENTITY identity_ = {};
};

TEST_F(CheckIdentity, AcceptsWhatTheDriverWrites) {
    EXPECT_EQ(check(), RegionError::kNone);
}

TEST_F(CheckIdentity, RefusesAnyOtherMagic) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        identity_.Magic = AEGIS_RING_MAGIC ^ std::uint64_t{1} << bit;
        EXPECT_EQ(check(), RegionError::kBadMagic) << bit;
    }
}

TEST_F(CheckIdentity, RefusesAnyOtherMajorVersionAndAcceptsAnyMinor) {
    for (const unsigned major : {0U, 1U, 3U, 0xFFFFU}) {
        identity_.AbiMajor = static_cast<std::uint16_t>(major);
        EXPECT_EQ(check(), RegionError::kOtherAbi) << major;
    }
    identity_.AbiMajor = 2;
    for (const unsigned minor : {1U, 0xFFFFU}) {
        identity_.AbiMinor = static_cast<std::uint16_t>(minor);
        EXPECT_EQ(check(), RegionError::kNone) << minor;
    }
}

TEST_F(CheckIdentity, TellsTheFirstThingThatIsWrong) {
    identity_.AbiMajor = 1;
    identity_.CellCount = 1;
    EXPECT_EQ(check(0), RegionError::kOtherAbi);
    identity_.Magic = 0;
    EXPECT_EQ(check(0), RegionError::kBadMagic);
    identity_.Magic = AEGIS_RING_MAGIC;
    identity_.AbiMajor = 2;
    EXPECT_EQ(check(0), RegionError::kBadGeometry);
}

TEST_F(CheckIdentity, BoundsTheHeader) {
    const auto with_header = [&](std::uint32_t bytes) {
        identity_.HeaderBytes = bytes;
        return check_geometry();
    };
    EXPECT_EQ(with_header(0), RegionError::kBadGeometry);
    EXPECT_EQ(with_header(128), RegionError::kBadGeometry);
    EXPECT_EQ(with_header(191), RegionError::kBadGeometry);
    EXPECT_EQ(with_header(192), RegionError::kNone);
    EXPECT_EQ(with_header(193), RegionError::kBadGeometry);
    EXPECT_EQ(with_header(224), RegionError::kBadGeometry);
    EXPECT_EQ(with_header(256), RegionError::kNone);
    EXPECT_EQ(with_header((1U << 20U) - 64), RegionError::kNone);
    EXPECT_EQ(with_header(1U << 20U), RegionError::kNone);
    EXPECT_EQ(with_header((1U << 20U) + 64), RegionError::kBadGeometry);
    EXPECT_EQ(with_header(UINT32_MAX - 63), RegionError::kBadGeometry);
}

TEST_F(CheckIdentity, BoundsTheCell) {
    const auto with_cell = [&](std::uint32_t bytes) {
        identity_.CellBytes = bytes;
        identity_.EventBytes = 16;
        return check_geometry();
    };
    EXPECT_EQ(with_cell(0), RegionError::kBadGeometry);
    EXPECT_EQ(with_cell(16), RegionError::kBadGeometry);
    EXPECT_EQ(with_cell(24), RegionError::kBadGeometry);
    EXPECT_EQ(with_cell(31), RegionError::kBadGeometry);
    EXPECT_EQ(with_cell(32), RegionError::kNone);
    EXPECT_EQ(with_cell(33), RegionError::kBadGeometry);
    EXPECT_EQ(with_cell(40), RegionError::kBadGeometry);
    EXPECT_EQ(with_cell(48), RegionError::kNone);
    EXPECT_EQ(with_cell((1U << 20U) - 16), RegionError::kNone);
    EXPECT_EQ(with_cell(1U << 20U), RegionError::kNone);
    EXPECT_EQ(with_cell((1U << 20U) + 16), RegionError::kBadGeometry);
    EXPECT_EQ(with_cell(UINT32_MAX - 15), RegionError::kBadGeometry);
}

TEST_F(CheckIdentity, WantsTwoCellsAtLeast) {
    const auto with_count = [&](std::uint32_t count) {
        identity_.CellCount = count;
        identity_.EventBytes = 16;
        return check_geometry();
    };
    EXPECT_EQ(with_count(0), RegionError::kBadGeometry);
    EXPECT_EQ(with_count(1), RegionError::kBadGeometry);
    EXPECT_EQ(with_count(2), RegionError::kNone);
    EXPECT_EQ(with_count(3), RegionError::kNone);
    EXPECT_EQ(with_count(1U << 31U), RegionError::kNone);
    EXPECT_EQ(with_count(UINT32_MAX), RegionError::kNone);
}

// Catches: an event that is larger than the reader's buffer, or than all cells, believed possible.
TEST_F(CheckIdentity, BoundsTheLargestEvent) {
    const auto with_event = [&](std::uint32_t bytes) {
        identity_.EventBytes = bytes;
        return check_geometry();
    };
    EXPECT_EQ(with_event(0), RegionError::kBadGeometry);
    EXPECT_EQ(with_event(15), RegionError::kBadGeometry);
    EXPECT_EQ(with_event(16), RegionError::kNone);
    EXPECT_EQ(with_event(1056), RegionError::kNone);
    EXPECT_EQ(with_event(1057), RegionError::kBadGeometry);
    EXPECT_EQ(with_event(UINT32_MAX), RegionError::kBadGeometry);
    identity_.CellCount = 3;
    EXPECT_EQ(with_event(528), RegionError::kNone);
    EXPECT_EQ(with_event(529), RegionError::kBadGeometry);
}

TEST_F(CheckIdentity, TheCellsFitIntoTheRegionAndTheRegionIntoTheMapping) {
    identity_.RegionBytes = kBytes - 1;
    EXPECT_EQ(check(), RegionError::kTooSmall);
    identity_.RegionBytes = kBytes;
    EXPECT_EQ(check(kBytes), RegionError::kNone);
    EXPECT_EQ(check(kBytes - 1), RegionError::kTooSmall);
    identity_.RegionBytes = kBytes + 1;
    EXPECT_EQ(check(kBytes), RegionError::kTooSmall);
    EXPECT_EQ(check(kBytes + 1), RegionError::kNone);
}

// Catches: the product computed in 32 bits.
TEST_F(CheckIdentity, TheLargestGeometryDoesNotOverflow) {
    identity_.HeaderBytes = 1U << 20U;
    identity_.CellBytes = 1U << 20U;
    identity_.CellCount = 1U << 31U;
    const std::uint64_t needed = (std::uint64_t{1} << 51U) + (1U << 20U);
    identity_.RegionBytes = needed;
    EXPECT_EQ(check(needed), RegionError::kNone);
    identity_.RegionBytes = needed - 1;
    EXPECT_EQ(check(needed), RegionError::kTooSmall);
}

TEST(CheckRegion, ReadsNothingFromLessThanAHeaderPage) {
    EXPECT_EQ(ring::check_region(nullptr, 0), RegionError::kTooSmall);
    EXPECT_EQ(ring::check_region(nullptr, 4095), RegionError::kTooSmall);
    EXPECT_EQ(ring::open_region(nullptr, 4095).error, RegionError::kTooSmall);
}

// A small ring of another version may fit into one page: 4096 bytes are enough to look.
TEST(CheckRegion, LooksAtAPage) {
    test::ZeroedRegion region(4096);
    EXPECT_EQ(ring::check_region(region.data(), region.size()), RegionError::kBadMagic);
    EXPECT_EQ(ring::open_region(region.data(), region.size()).error, RegionError::kBadMagic);
}

TEST(CheckRegion, AcceptsAFormattedRegionAndNoByteLess) {
    test::FormattedRegion region(64);
    EXPECT_EQ(ring::check_region(region.bytes().data(), region.bytes().size()), RegionError::kNone);
    EXPECT_EQ(ring::check_region(region.bytes().data(), region.bytes().size() - 1), RegionError::kTooSmall);
}

TEST(OpenRegion, GivesIdentityAndWords) {
    test::FormattedRegion region(64);
    const ring::OpenedRegion<> opened = ring::open_region(region.bytes().data(), region.bytes().size());
    ASSERT_EQ(opened.error, RegionError::kNone);
    EXPECT_EQ(opened.identity.CellCount, 64U);
    EXPECT_EQ(opened.memory.cell_count(), 64U);
    EXPECT_EQ(opened.memory.data_words(opened.memory.place_of(1)),
              region.memory().data_words(region.memory().place_of(1)));
}

TEST(OpenRegion, GivesNoWordsWithAnError) {
    test::FormattedRegion region(64);
    region.header()->Identity.AbiMajor = 9;
    const ring::OpenedRegion<> opened = ring::open_region(region.bytes().data(), region.bytes().size());
    EXPECT_EQ(opened.error, RegionError::kOtherAbi);
    EXPECT_EQ(opened.memory.cell_count(), 0U);
}

// Bytes that change between check and use must not widen what was checked.
//
// Catches: the header read again after its check (the region ends after 64 small cells; the intruder claims 2^31).
TEST(OpenRegion, UsesWhatItCheckedThoughTheHeaderChanges) {
    constexpr std::size_t kBytes = 4096 + 64 * 192;
    for (std::size_t index = 0;; ++index) {
        test::FormattedRegion region(64);
        ring::OpenedRegion<HookedAtomics> opened;
        const bool changed = test::run_with_intruder(
            [&] { opened = ring::open_region<HookedAtomics>(region.bytes().data(), kBytes); }, index,
            [&] {
                region.header()->Identity.CellCount = 1U << 31U;
                region.header()->Identity.CellBytes = 1U << 20U;
                region.header()->Identity.HeaderBytes = 1U << 20U;
            });
        if (opened.error == RegionError::kNone) {
            EXPECT_LE(static_cast<const void*>(opened.memory.data_words(opened.memory.place_of(63)) + 22),
                      static_cast<const void*>(region.bytes().data() + kBytes));
            EXPECT_EQ(opened.memory.cell_count(), 64U);
            EXPECT_EQ(opened.memory.event_capacity(), 1056U);
        } else {
            EXPECT_EQ(opened.error, RegionError::kTooSmall);
        }
        if (!changed) {
            EXPECT_EQ(index, sizeof(AEGIS_RING_IDENTITY) / 8) << "each word of the identity is read once";
            EXPECT_EQ(opened.error, RegionError::kNone);
            break;
        }
    }
}

TEST(SameSession, ComparesAllSixteenBytes) {
    AEGIS_RING_IDENTITY a = {};
    std::memcpy(a.SessionId, test::kSessionA, sizeof(a.SessionId));
    for (std::size_t byte = 0; byte < 16; ++byte) {
        AEGIS_RING_IDENTITY b = a;
        b.CellCount = 77;  // what lies before and behind the id does not count
        b.RegionBytes = 78;
        b.EventBytes = 79;
        EXPECT_TRUE(ring::same_session(a, b));
        b.SessionId[byte] ^= 0x80U;
        EXPECT_FALSE(ring::same_session(a, b)) << byte;
    }
}

TEST(DescribeRegionError, SaysSomethingElseForEach) {
    std::set<std::string> texts;
    for (const RegionError error : {RegionError::kNone, RegionError::kTooSmall, RegionError::kBadMagic,
                                    RegionError::kOtherAbi, RegionError::kBadGeometry}) {
        texts.insert(ring::describe(error));
    }
    EXPECT_EQ(texts.size(), 5U);
    EXPECT_FALSE(texts.contains("unknown region error"));
    EXPECT_STREQ(ring::describe(static_cast<RegionError>(99)), "unknown region error");
}

}  // namespace
}  // namespace aegis
