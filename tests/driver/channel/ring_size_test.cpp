// Parameters\RingKiB of the service key, and SlotCount, which it replaces.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "aegis/ring/region.hpp"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {
namespace {

// Loads the driver and returns the size of its ring in KiB, as far as its cells tell.
std::uint32_t kib_of(TestHost& host, const host::ServiceOptions& service) {
    EXPECT_EQ(host.load(service), STATUS_SUCCESS);
    Client client(host);
    EXPECT_EQ(client.open(), STATUS_SUCCESS);
    const QueryResult query = client.query();
    EXPECT_EQ(query.status, STATUS_SUCCESS);
    EXPECT_EQ(query.reply->CellBytes, AEGIS_CELL_BYTES);
    EXPECT_EQ(query.reply->RegionBytes, ring::region_bytes(query.reply->CellCount));
    const std::uint64_t used = AEGIS_RING_HEADER_BYTES + std::uint64_t{query.reply->CellCount} * AEGIS_CELL_BYTES;
    return static_cast<std::uint32_t>((used + 1023) / 1024);
}

host::ServiceOptions service_with(std::u16string name, ULONG value) {
    host::ServiceOptions service;
    service.parameters[std::move(name)] = host::registry_dword(value);
    return service;
}

std::vector<std::string> errors_of(TestHost& host) {
    std::vector<std::string> errors;
    for (const DebugLine& line : host.take_debug_lines()) {
        if (line.level == DPFLTR_ERROR_LEVEL) {
            errors.push_back(line.text);
        }
    }
    return errors;
}

TEST(RingSize, IsTakenFromTheServiceKey) {
    for (const ULONG kib : {64U, 100U, 4352U, 69632U}) {
        TestHost host;
        EXPECT_EQ(kib_of(host, service_with_ring(kib)), kib);
        EXPECT_TRUE(errors_of(host).empty()) << kib;
    }
}

TEST(RingSize, IsTheDefaultWithoutAKey) {
    TestHost host;
    EXPECT_EQ(kib_of(host, {}), AEGIS_RING_KIB_DEFAULT);
    EXPECT_TRUE(errors_of(host).empty());
}

TEST(RingSize, IsTheDefaultWithoutAValue) {
    TestHost host;
    EXPECT_EQ(kib_of(host, service_with(u"Colour", 64)), AEGIS_RING_KIB_DEFAULT);
    EXPECT_TRUE(errors_of(host).empty());
}

// Catches: the check of ring::is_valid_ring_kib left out of read_service_parameters().
TEST(RingSize, IsTheDefaultAndReportedWhenItIsOutOfRange) {
    for (const ULONG kib : {0U, 1U, 63U, 69633U, 0x80000000U, 0xFFFFFFFFU}) {
        TestHost host;
        EXPECT_EQ(kib_of(host, service_with_ring(kib)), AEGIS_RING_KIB_DEFAULT);
        EXPECT_THAT(errors_of(host), testing::ElementsAre(fmt::format(
                                         "AegisMon: Parameters\\RingKiB {} is not from 64 to 69632, using 4352", kib)));
    }
}

// Catches: the type or the length of the value not looked at.
TEST(RingSize, IsTheDefaultAndReportedWhenItIsNoDword) {
    const host::RegistryValue wrong[] = {
        {REG_SZ, {'6', 0, '4', 0, 0, 0}}, {REG_SZ, {64, 0, 0, 0}}, {REG_QWORD, {64, 0, 0, 0, 0, 0, 0, 0}},
        {REG_BINARY, {64, 0, 0, 0}},      {REG_DWORD, {64, 0}},    {REG_DWORD, {}},
    };
    for (const host::RegistryValue& value : wrong) {
        for (const std::u16string name : {u"RingKiB", u"SlotCount"}) {
            host::ServiceOptions service;
            service.parameters[name] = value;
            TestHost host;
            EXPECT_EQ(kib_of(host, service), AEGIS_RING_KIB_DEFAULT);
            EXPECT_THAT(errors_of(host), testing::ElementsAre(testing::MatchesRegex(
                                             "AegisMon: cannot read Parameters.(RingKiB|SlotCount) "
                                             "\\(0x[0-9a-f]{8}\\), using (RingKiB )?4352")))
                << value.type << " with " << value.data.size() << " bytes";
        }
    }
}

// A setting from before rings had cells gives the memory that it gave then.
//
// Catches: the old value ignored in silence, taken for KiB, or taken though the new one is there.
TEST(RingSize, OfAnOldSlotCountIsTheMemoryItTook) {
    for (const auto& [slots, kib] :
         {std::pair(64U, 68U), std::pair(128U, 136U), std::pair(4096U, 4352U), std::pair(65536U, 69632U)}) {
        TestHost host;
        EXPECT_EQ(kib_of(host, service_with(u"SlotCount", slots)), kib);
        EXPECT_TRUE(errors_of(host).empty()) << slots;
    }
    host::ServiceOptions both = service_with(u"SlotCount", 65536);
    both.parameters[u"RingKiB"] = host::registry_dword(64);
    TestHost host;
    EXPECT_EQ(kib_of(host, both), 64U);
}

TEST(RingSize, OfASenselessSlotCountIsTheDefaultAndReported) {
    for (const ULONG slots : {0U, 63U, 65537U, 0xFFFFFFFFU}) {
        TestHost host;
        EXPECT_EQ(kib_of(host, service_with(u"SlotCount", slots)), AEGIS_RING_KIB_DEFAULT);
        EXPECT_THAT(errors_of(host),
                    testing::ElementsAre(fmt::format(
                        "AegisMon: Parameters\\SlotCount {} is not from 64 to 65536, using RingKiB 4352", slots)));
    }
}

TEST(RingSize, DecidesHowManyEventsAreKept) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Activity(host).come_and_go(kSmallRingCells);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const std::vector<ProcessEvent> events = all_events_in(client.pull(1024 * 1024).bytes);
    // A quarter of a ring that went round is left to the producer, and the cell that may be in the making.
    EXPECT_EQ(events.size(), kSmallRingCells - kSmallRingCells / 4 - 1);
    EXPECT_EQ(events.back().header.Sequence, 4 * kSmallRingCells) << "each with its details";
}

}  // namespace
}  // namespace aegis::test
