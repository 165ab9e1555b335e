// The query request: geometry, counters that reconcile, callback health, consumers with their lag.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <set>

#include "aegis/version.h"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "sensors/sensor_table.hpp"

namespace aegis::test {
namespace {

class Query : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load_small(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(), STATUS_SUCCESS);
    }

    std::unique_ptr<AEGIS_QUERY_REPLY> query() {
        QueryResult result = client_.query();
        EXPECT_EQ(result.status, STATUS_SUCCESS);
        EXPECT_EQ(result.information, sizeof(AEGIS_QUERY_REPLY));
        return std::move(result.reply);
    }

    TestHost host_;
    Activity activity_{host_};
    Client client_{host_};
};

TEST_F(Query, DescribesDriverAndRing) {
    const auto reply = query();
    EXPECT_EQ(reply->Version, AEGIS_CONTROL_VERSION);
    EXPECT_EQ(reply->Bytes, sizeof(AEGIS_QUERY_REPLY));
    EXPECT_EQ(reply->DriverVersion,
              std::uint32_t{AEGIS_VERSION_MAJOR << 24 | AEGIS_VERSION_MINOR << 16 | AEGIS_VERSION_PATCH});
    EXPECT_EQ(reply->State, AEGIS_RING_RUNNING);
    EXPECT_EQ(reply->HeaderBytes, AEGIS_RING_HEADER_BYTES);
    EXPECT_EQ(reply->CellBytes, AEGIS_CELL_BYTES);
    EXPECT_EQ(reply->CellCount, kSmallRingCells);
    EXPECT_EQ(reply->RegionBytes, ring::region_bytes(kSmallRingCells));
    const SetupResult setup = client_.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    EXPECT_EQ(std::memcmp(reply->SessionId, setup.reply.SessionId, sizeof(reply->SessionId)), 0);
}

// Catches: rows said to be elsewhere, or another number or length of them; a head that ends elsewhere.
TEST_F(Query, SaysWhereItsRowsAre) {
    Client pulls(host_);
    ASSERT_EQ(pulls.open(), STATUS_SUCCESS);
    ASSERT_EQ(pulls.pull().status, STATUS_SUCCESS);
    ASSERT_EQ(client_.setup().status, STATUS_SUCCESS);
    const auto reply = query();
    EXPECT_EQ(reply->HeadBytes, AEGIS_QUERY_HEAD_BYTES);
    EXPECT_EQ(reply->CallbackRows.Offset, offsetof(AEGIS_QUERY_REPLY, Callbacks));
    EXPECT_EQ(reply->CallbackRows.Count, driver::all_sensors().size() + 1);
    EXPECT_EQ(reply->CallbackRows.RowBytes, sizeof(AEGIS_CALLBACK_HEALTH));
    EXPECT_EQ(reply->ConsumerRows.Offset, offsetof(AEGIS_QUERY_REPLY, Consumers));
    EXPECT_EQ(reply->ConsumerRows.Count, 2U);
    EXPECT_EQ(reply->ConsumerRows.RowBytes, sizeof(AEGIS_CONSUMER_INFO));
    EXPECT_EQ(reply->PolicyGeneration, 0U) << "nobody can set one yet";
    EXPECT_EQ(reply->Reserved, 0U);
}

TEST_F(Query, CountsHandles) {
    EXPECT_EQ(query()->Handles, 1U);
    {
        Client second(host_);
        ASSERT_EQ(second.open(), STATUS_SUCCESS);
        EXPECT_EQ(query()->Handles, 2U);
    }
    EXPECT_EQ(query()->Handles, 1U);
}

// What the sensor saw is what was published or counted as lost.
TEST_F(Query, CountersReconcile) {
    for (const std::uint32_t processes : {0U, 1U, 7U, 100U}) {
        activity_.come_and_go(processes);
        const auto reply = query();
        const std::uint64_t lost =
            std::accumulate(std::begin(reply->LostBefore), std::end(reply->LostBefore), std::uint64_t{0});
        const AEGIS_CALLBACK_HEALTH& row = callback_row(*reply, AEGIS_CALLBACK_PROCESS);
        // In the ring each has its details beside it.
        EXPECT_EQ(2 * row.Seen, reply->Published + lost);
        EXPECT_EQ(2 * row.Published, reply->Published);
        EXPECT_EQ(row.Filtered + row.Limited + row.Merged + row.Lost, 0U);
        EXPECT_EQ(lost, 0U);
    }
    EXPECT_EQ(query()->Published, 432U);
}

// Catches: count(), registered() or describe() left out for one of the two callbacks; one's row in place of the
// other's.
TEST_F(Query, ReportsTheHealthOfBothCallbacks) {
    constexpr std::uint32_t kKinds[] = {AEGIS_CALLBACK_PROCESS, AEGIS_CALLBACK_OWNER_EXIT};
    auto reply = query();
    for (const std::uint32_t kind : kKinds) {
        const AEGIS_CALLBACK_HEALTH& row = callback_row(*reply, kind);
        EXPECT_EQ(row.Kind, kind);
        EXPECT_EQ(row.Registered, 1U);
        EXPECT_EQ(row.Status, STATUS_SUCCESS);
        EXPECT_EQ(row.Flags, 0U);
        EXPECT_EQ(row.Seen, 0U);
        EXPECT_EQ(row.LastEventTime, 0);
    }
    // What one sees makes an event, what the other sees never does.
    activity_.create(kFirstFreePid);
    reply = query();
    for (const std::uint32_t kind : kKinds) {
        EXPECT_EQ(callback_row(*reply, kind).Seen, 1U);
        EXPECT_EQ(callback_row(*reply, kind).LastEventTime, kActivityTime);
    }
    activity_.exit(kFirstFreePid);
    reply = query();
    for (const std::uint32_t kind : kKinds) {
        EXPECT_EQ(callback_row(*reply, kind).Seen, 2U);
        EXPECT_EQ(callback_row(*reply, kind).Published, kind == AEGIS_CALLBACK_PROCESS ? 2U : 0U);
        EXPECT_EQ(callback_row(*reply, kind).Filtered, kind == AEGIS_CALLBACK_PROCESS ? 0U : 2U);
        EXPECT_EQ(callback_row(*reply, kind).LastEventTime, kActivityTime + 1);
    }
}

// Catches: a row that is filled and means nothing, one between two others that is left empty, a kind that comes twice.
TEST_F(Query, UsesTheFirstRowsForCallbacksAndNoOther) {
    const auto reply = query();
    std::set<std::uint32_t> kinds;
    unsigned used = 0;
    while (used < AEGIS_MAX_CALLBACKS && reply->Callbacks[used].Kind != 0) {
        EXPECT_TRUE(kinds.insert(reply->Callbacks[used].Kind).second) << reply->Callbacks[used].Kind;
        ++used;
    }
    EXPECT_EQ(used, driver::all_sensors().size() + 1);
    const AEGIS_CALLBACK_HEALTH unused{};
    for (unsigned i = used; i < AEGIS_MAX_CALLBACKS; ++i) {
        EXPECT_EQ(std::memcmp(&reply->Callbacks[i], &unused, sizeof(unused)), 0) << i;
    }
}

TEST_F(Query, AHandleThatNeverPullsIsNoConsumer) {
    const AEGIS_CONSUMER_INFO unused{};
    EXPECT_EQ(std::memcmp(&query()->Consumers[0], &unused, sizeof(unused)), 0);
}

TEST_F(Query, ListsAPullConsumerWithItsLag) {
    activity_.come_and_go(5);
    // A start with its details, and the details of the end.
    ASSERT_EQ(client_.pull(1120 + 1080 + 1056).bytes.size(), 2 * 1080U + 1056U);
    const AEGIS_CONSUMER_INFO row = query()->Consumers[0];
    EXPECT_EQ(row.Transport, AEGIS_TRANSPORT_PULL);
    EXPECT_EQ(row.ProcessId, client_.pid());
    EXPECT_EQ(row.Cursor, 3U);
    EXPECT_EQ(row.Lag, 17U);
    EXPECT_EQ(row.Lost, 0U);
    EXPECT_EQ(row.Wakeups, 0U);
}

TEST_F(Query, ListsARingConsumerByItsOwnWord) {
    activity_.come_and_go(5);
    const host::EventResult event = client_.create_event();
    const SetupResult setup = client_.setup(event.handle);
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    consumer_page_of(setup.reply)->Cursor = 4;
    consumer_page_of(setup.reply)->WakeAt = 22;
    activity_.create(kFirstFreePid);
    const AEGIS_CONSUMER_INFO row = query()->Consumers[0];
    EXPECT_EQ(row.Transport, AEGIS_TRANSPORT_RING);
    EXPECT_EQ(row.ProcessId, client_.pid());
    EXPECT_EQ(row.Cursor, 4U);
    EXPECT_EQ(row.Lag, 18U);
    EXPECT_EQ(row.Lost, 0U);
    EXPECT_EQ(row.Wakeups, 1U);
}

// A consumer's word about itself is reported and never believed.
TEST_F(Query, ACursorBeyondTheEndHasNoLag) {
    const SetupResult setup = client_.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    activity_.come_and_go(1);
    consumer_page_of(setup.reply)->Cursor = UINT64_MAX;
    EXPECT_EQ(query()->Consumers[0].Lag, 0U);
    consumer_page_of(setup.reply)->Cursor = 0;
    EXPECT_EQ(query()->Consumers[0].Lag, 4U);
}

TEST_F(Query, ListsEveryConsumerOnce) {
    Client pulls(host_);
    Client maps(host_);
    Client both(host_);
    for (Client* client : {&pulls, &maps, &both}) {
        ASSERT_EQ(client->open(), STATUS_SUCCESS);
    }
    ASSERT_EQ(pulls.pull().status, STATUS_SUCCESS);
    ASSERT_EQ(maps.setup().status, STATUS_SUCCESS);
    ASSERT_EQ(both.pull().status, STATUS_SUCCESS);
    ASSERT_EQ(both.setup().status, STATUS_SUCCESS);
    const auto reply = query();
    std::uint32_t rows = 0;
    for (const AEGIS_CONSUMER_INFO& row : reply->Consumers) {
        if (row.Transport == 0) {
            continue;
        }
        ++rows;
        EXPECT_EQ(row.Transport, row.ProcessId == pulls.pid() ? AEGIS_TRANSPORT_PULL : AEGIS_TRANSPORT_RING);
        EXPECT_TRUE(row.ProcessId == pulls.pid() || row.ProcessId == maps.pid() || row.ProcessId == both.pid());
    }
    EXPECT_EQ(rows, 3U);
}

// Catches: a reply that is not zeroed. The executive poisons the buffer it hands to the driver.
TEST_F(Query, TheReplyHoldsNoByteOfTheBufferItWasBuiltIn) {
    const auto reply = query();
    const auto* bytes = reinterpret_cast<const unsigned char*>(reply.get());
    const unsigned char poison[4] = {host::kSystemBufferPoison, host::kSystemBufferPoison, host::kSystemBufferPoison,
                                     host::kSystemBufferPoison};
    for (std::size_t i = 0; i + sizeof(poison) <= sizeof(*reply); ++i) {
        ASSERT_NE(std::memcmp(bytes + i, poison, sizeof(poison)), 0) << i;
    }
}

TEST_F(Query, ALargerBufferGetsTheReplyOnly) {
    std::vector<std::byte> output(sizeof(AEGIS_QUERY_REPLY) + 100, std::byte{0x11});
    const host::IoResult io = client_.control(AEGIS_IOCTL_QUERY, bytes_of(make_request<AEGIS_QUERY_REQUEST>()), output);
    EXPECT_EQ(io.status, STATUS_SUCCESS);
    EXPECT_EQ(io.information, sizeof(AEGIS_QUERY_REPLY));
    for (std::size_t i = sizeof(AEGIS_QUERY_REPLY); i < output.size(); ++i) {
        EXPECT_EQ(output[i], std::byte{0x11});
    }
}

}  // namespace
}  // namespace aegis::test
