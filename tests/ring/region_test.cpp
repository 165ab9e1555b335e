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

TEST(RegionBytes, IsHeaderAndSlotsInWholePages) {
    EXPECT_EQ(ring::region_bytes(0), 4096U);
    EXPECT_EQ(ring::region_bytes(1), 8192U);
    EXPECT_EQ(ring::region_bytes(2), 8192U);
    EXPECT_EQ(ring::region_bytes(4), 12288U);
    EXPECT_EQ(ring::region_bytes(64), 4096U + 69632U);  // 64 slots fill 17 pages exactly
    EXPECT_EQ(ring::region_bytes(4096), 4096U + 4456448U);
    EXPECT_EQ(ring::region_bytes(65536), 4096U + 71303168U);
    EXPECT_EQ(ring::region_bytes(1U << 31U), 4096U + (std::uint64_t{1088} << 31U));
}

TEST(SlotCount, IsAPowerOfTwoFrom64To65536) {
    std::set<std::uint64_t> valid;
    for (std::uint64_t count = 0; count <= 140000; ++count) {
        if (ring::is_valid_slot_count(count)) {
            valid.insert(count);
        }
    }
    EXPECT_THAT(valid, testing::ElementsAre(64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536));
    EXPECT_FALSE(ring::is_valid_slot_count(UINT64_MAX));
    EXPECT_FALSE(ring::is_valid_slot_count((std::uint64_t{1} << 32U) + 64));
    EXPECT_FALSE(ring::is_valid_slot_count(std::uint64_t{1} << 32U));
}

TEST(PowerOfTwo, HoldsForExactlyOneBit) {
    EXPECT_FALSE(ring::is_power_of_two(0));
    for (unsigned low = 0; low < 64; ++low) {
        EXPECT_TRUE(ring::is_power_of_two(std::uint64_t{1} << low)) << low;
        for (unsigned high = low + 1; high < 64; ++high) {
            EXPECT_FALSE(ring::is_power_of_two(std::uint64_t{1} << low | std::uint64_t{1} << high)) << low << high;
        }
    }
}

TEST(FormatRegion, WritesTheIdentityAndRunningStateAndNothingElse) {
    test::FormattedRegion region(64);
    AEGIS_RING_HEADER expected = {};
    expected.Identity.Magic = UINT64_C(0x474e495253474541);
    expected.Identity.AbiMajor = 1;
    expected.Identity.AbiMinor = 0;
    expected.Identity.HeaderBytes = 4096;
    expected.Identity.SlotBytes = 1088;
    expected.Identity.SlotCount = 64;
    expected.Identity.RegionBytes = 4096 + 64 * 1088;
    std::memcpy(expected.Identity.SessionId, test::kSessionA, sizeof(test::kSessionA));
    expected.State = AEGIS_RING_RUNNING;

    test::ZeroedRegion whole(region.bytes().size());
    std::memcpy(whole.data(), &expected, sizeof(expected));
    EXPECT_EQ(std::memcmp(region.bytes().data(), whole.data(), whole.size()), 0);
}

TEST(FormatRegion, GivesTheWordsOfTheLayout) {
    test::FormattedRegion region(64);
    auto memory = region.memory();
    EXPECT_EQ(memory.slot_count(), 64U);
    EXPECT_EQ(memory.event_capacity(), 1080U);

    memory.store_published(11);
    memory.store_lost_before(0, 12);
    memory.store_lost_before(3, 13);
    memory.store_wakeups_sent(14);
    memory.store_state(AEGIS_RING_CLOSING);
    memory.mark_write_complete(63);
    memory.event_words(63)[134].store(15, std::memory_order_relaxed);

    const AEGIS_RING_HEADER* header = region.header();
    EXPECT_EQ(header->Published, 11U);
    EXPECT_EQ(header->LostBefore[0], 12U);
    EXPECT_EQ(header->LostBefore[3], 13U);
    EXPECT_EQ(header->WakeupsSent, 14U);
    EXPECT_EQ(header->State, AEGIS_RING_CLOSING);
    AEGIS_RING_SLOT last;
    std::memcpy(&last, region.bytes().data() + 4096 + std::size_t{63} * 1088, sizeof(last));
    EXPECT_EQ(last.Version, 128U);
    EXPECT_EQ(last.Event[134], 15U);
}

TEST(RingMemoryOf, FindsTheSameWordsAgain) {
    test::FormattedRegion region(128);
    ring::RingMemory<> again = ring::ring_memory_of(region.bytes().data());
    EXPECT_EQ(again.slot_count(), 128U);
    EXPECT_EQ(again.event_capacity(), 1080U);
    EXPECT_EQ(again.event_words(5), region.memory().event_words(5));
    again.store_published(3);
    EXPECT_EQ(region.memory().load_published(), 3U);
}

// Another driver version may write other sizes: the identity decides, not this build's constants.
//
// Catches: HeaderBytes, SlotBytes or SlotCount replaced by a constant.
TEST(RingMemoryOf, FollowsTheIdentitysGeometry) {
    test::ZeroedRegion region(AEGIS_PAGE);
    AEGIS_RING_IDENTITY identity = {};
    identity.HeaderBytes = 256;
    identity.SlotBytes = 48;
    identity.SlotCount = 8;
    const ring::RingMemory<> memory = ring::ring_memory_of(region.data(), identity);
    EXPECT_EQ(memory.slot_count(), 8U);
    EXPECT_EQ(memory.event_capacity(), 40U);
    EXPECT_EQ(static_cast<const void*>(memory.event_words(0)), region.data() + 256 + 8);
    EXPECT_EQ(static_cast<const void*>(memory.event_words(7)), region.data() + 256 + std::size_t{7} * 48 + 8);
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
        identity_.SlotBytes = AEGIS_SLOT_BYTES;
        identity_.SlotCount = 64;
        identity_.RegionBytes = kBytes;
    }

    RegionError check(std::uint64_t bytes = kBytes) const { return ring::check_identity(identity_, bytes); }

    // The error when only the geometry could be wrong: there is room for anything.
    RegionError check_geometry() {
        identity_.RegionBytes = std::uint64_t{1} << 62U;
        return check(std::uint64_t{1} << 62U);
    }

    static constexpr std::uint64_t kBytes = 4096 + 64 * 1088;
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
    for (const unsigned major : {0U, 2U, 0xFFFFU}) {
        identity_.AbiMajor = static_cast<std::uint16_t>(major);
        EXPECT_EQ(check(), RegionError::kOtherAbi) << major;
    }
    identity_.AbiMajor = 1;
    for (const unsigned minor : {1U, 0xFFFFU}) {
        identity_.AbiMinor = static_cast<std::uint16_t>(minor);
        EXPECT_EQ(check(), RegionError::kNone) << minor;
    }
}

TEST_F(CheckIdentity, TellsTheFirstThingThatIsWrong) {
    identity_.AbiMajor = 2;
    identity_.SlotCount = 3;
    EXPECT_EQ(check(0), RegionError::kOtherAbi);
    identity_.Magic = 0;
    EXPECT_EQ(check(0), RegionError::kBadMagic);
    identity_.Magic = AEGIS_RING_MAGIC;
    identity_.AbiMajor = 1;
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

TEST_F(CheckIdentity, BoundsTheSlot) {
    const auto with_slot = [&](std::uint32_t bytes) {
        identity_.SlotBytes = bytes;
        return check_geometry();
    };
    EXPECT_EQ(with_slot(0), RegionError::kBadGeometry);
    EXPECT_EQ(with_slot(16), RegionError::kBadGeometry);
    EXPECT_EQ(with_slot(23), RegionError::kBadGeometry);
    EXPECT_EQ(with_slot(24), RegionError::kNone);
    EXPECT_EQ(with_slot(25), RegionError::kBadGeometry);
    EXPECT_EQ(with_slot(28), RegionError::kBadGeometry);
    EXPECT_EQ(with_slot(32), RegionError::kNone);
    EXPECT_EQ(with_slot((1U << 20U) - 8), RegionError::kNone);
    EXPECT_EQ(with_slot(1U << 20U), RegionError::kNone);
    EXPECT_EQ(with_slot((1U << 20U) + 8), RegionError::kBadGeometry);
    EXPECT_EQ(with_slot(UINT32_MAX - 7), RegionError::kBadGeometry);
}

TEST_F(CheckIdentity, WantsAPowerOfTwoOfSlotsFromTwo) {
    const auto with_count = [&](std::uint32_t count) {
        identity_.SlotCount = count;
        return check_geometry();
    };
    EXPECT_EQ(with_count(0), RegionError::kBadGeometry);
    EXPECT_EQ(with_count(1), RegionError::kBadGeometry);
    EXPECT_EQ(with_count(2), RegionError::kNone);
    EXPECT_EQ(with_count(3), RegionError::kBadGeometry);
    EXPECT_EQ(with_count(4), RegionError::kNone);
    EXPECT_EQ(with_count(63), RegionError::kBadGeometry);
    EXPECT_EQ(with_count(65), RegionError::kBadGeometry);
    EXPECT_EQ(with_count(1U << 31U), RegionError::kNone);
    EXPECT_EQ(with_count(UINT32_MAX), RegionError::kBadGeometry);
}

TEST_F(CheckIdentity, TheSlotsFitIntoTheRegionAndTheRegionIntoTheMapping) {
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
    identity_.SlotBytes = 1U << 20U;
    identity_.SlotCount = 1U << 31U;
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
    EXPECT_EQ(opened.identity.SlotCount, 64U);
    EXPECT_EQ(opened.memory.slot_count(), 64U);
    EXPECT_EQ(opened.memory.event_words(1), region.memory().event_words(1));
}

TEST(OpenRegion, GivesNoWordsWithAnError) {
    test::FormattedRegion region(64);
    region.header()->Identity.AbiMajor = 9;
    const ring::OpenedRegion<> opened = ring::open_region(region.bytes().data(), region.bytes().size());
    EXPECT_EQ(opened.error, RegionError::kOtherAbi);
    EXPECT_EQ(opened.memory.slot_count(), ring::RingMemory<>().slot_count());
}

// Bytes that change between check and use must not widen what was checked.
//
// Catches: the header read again after its check (the region ends after 64 small slots; the intruder claims 2^31).
TEST(OpenRegion, UsesWhatItCheckedThoughTheHeaderChanges) {
    constexpr std::size_t kBytes = 4096 + 64 * 1088;
    for (std::size_t index = 0;; ++index) {
        test::FormattedRegion region(64);
        ring::OpenedRegion<HookedAtomics> opened;
        const bool changed = test::run_with_intruder(
            [&] { opened = ring::open_region<HookedAtomics>(region.bytes().data(), kBytes); }, index,
            [&] {
                region.header()->Identity.SlotCount = 1U << 31U;
                region.header()->Identity.SlotBytes = 1U << 20U;
                region.header()->Identity.HeaderBytes = 1U << 20U;
            });
        if (opened.error == RegionError::kNone) {
            EXPECT_LE(static_cast<const void*>(opened.memory.event_words(UINT64_MAX) - 1 + 136),
                      static_cast<const void*>(region.bytes().data() + kBytes));
            EXPECT_EQ(opened.memory.slot_count(), 64U);
            EXPECT_EQ(opened.memory.event_capacity(), 1080U);
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
        b.SlotCount = 77;  // what lies before and behind the id does not count
        b.RegionBytes = 78;
        b.Reserved[0] = 79;
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
