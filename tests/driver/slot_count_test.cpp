// Parameters\SlotCount of the service key.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "aegis/ring/region.hpp"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {
namespace {

// Loads the driver and returns the number of slots it uses.
std::uint32_t slots_of(TestHost& host, const host::ServiceOptions& service) {
    EXPECT_EQ(host.load(service), STATUS_SUCCESS);
    Client client(host);
    EXPECT_EQ(client.open(), STATUS_SUCCESS);
    const QueryResult query = client.query();
    EXPECT_EQ(query.status, STATUS_SUCCESS);
    EXPECT_EQ(query.reply->RegionBytes, ring::region_bytes(query.reply->SlotCount));
    return query.reply->SlotCount;
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

TEST(SlotCount, IsTakenFromTheServiceKey) {
    for (const ULONG slots : {64U, 128U, 4096U, 65536U}) {
        TestHost host;
        EXPECT_EQ(slots_of(host, service_with_slots(slots)), slots);
        EXPECT_TRUE(errors_of(host).empty()) << slots;
    }
}

TEST(SlotCount, IsTheDefaultWithoutAKey) {
    TestHost host;
    EXPECT_EQ(slots_of(host, {}), 4096U);
    EXPECT_TRUE(errors_of(host).empty());
}

TEST(SlotCount, IsTheDefaultWithoutAValue) {
    host::ServiceOptions other_value;
    other_value.parameters[u"Colour"] = host::registry_dword(64);
    TestHost host;
    EXPECT_EQ(slots_of(host, other_value), 4096U);
    EXPECT_TRUE(errors_of(host).empty());
}

// Catches: the check of ring::is_valid_slot_count left out of read_service_parameters().
TEST(SlotCount, IsTheDefaultAndReportedWhenItIsNoPowerOfTwoInRange) {
    for (const ULONG slots : {0U, 1U, 32U, 63U, 65U, 4095U, 65537U, 131072U, 0x80000000U, 0xFFFFFFFFU}) {
        TestHost host;
        EXPECT_EQ(slots_of(host, service_with_slots(slots)), 4096U);
        EXPECT_THAT(
            errors_of(host),
            testing::ElementsAre(fmt::format(
                "AegisMon: Parameters\\SlotCount {} is not a power of two from 64 to 65536, using 4096", slots)));
    }
}

// Catches: the type or the length of the value not looked at, or the length from one side only: up to 8 bytes come with
// a status of success.
TEST(SlotCount, IsTheDefaultAndReportedWhenItIsNoDword) {
    const host::RegistryValue wrong[] = {
        {REG_SZ, {'6', 0, '4', 0, 0, 0}},
        {REG_SZ, {64, 0, 0, 0}},
        {REG_QWORD, {64, 0, 0, 0, 0, 0, 0, 0}},
        {REG_BINARY, {64, 0, 0, 0}},
        {REG_DWORD, {64, 0, 0}},
        {REG_DWORD, {}},
        {REG_DWORD, {64, 0, 0, 0, 0}},
        {REG_DWORD, std::vector<unsigned char>(8)},
        {REG_DWORD, std::vector<unsigned char>(9)},
        // The next type up, REG_DWORD_BIG_ENDIAN.
        {REG_DWORD + 1, {64, 0, 0, 0}},
    };
    for (const host::RegistryValue& value : wrong) {
        host::ServiceOptions service;
        service.parameters[u"SlotCount"] = value;
        TestHost host;
        EXPECT_EQ(slots_of(host, service), 4096U);
        EXPECT_THAT(errors_of(host), testing::ElementsAre(testing::MatchesRegex(
                                         "AegisMon: cannot read Parameters.SlotCount \\(0x[0-9a-f]{8}\\), using 4096")))
            << value.type << " with " << value.data.size() << " bytes";
    }
}

TEST(SlotCount, DecidesHowManyEventsAreKept) {
    TestHost host;
    ASSERT_EQ(host.load_with_slots(64), STATUS_SUCCESS);
    Activity(host).come_and_go(100);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const std::vector<ProcessEvent> events = events_in(client.pull(256 * 1024).bytes);
    // A quarter of a ring that went round is left to the producer.
    EXPECT_EQ(events.size(), 48U);
    EXPECT_EQ(events.back().header.Sequence, 200U);
}

}  // namespace
}  // namespace aegis::test
