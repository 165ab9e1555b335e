// What libaegis makes of a driver that loses events before its ring, or is of another release: over a real ring,
// because no host loses events on demand.

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "aegis/client.h"
#include "support/fake_system.hpp"

namespace aegis {
namespace {

using test::FakeSystem;

struct Close {
    void operator()(aegis_client* client) const { aegis_close(client); }
};
using Client = std::unique_ptr<aegis_client, Close>;

aegis_options with(std::uint32_t transport) {
    aegis_options options = {};
    options.size = sizeof(options);
    options.transport = transport;
    options.poll_ms = 1;
    return options;
}

Client open(FakeSystem& system, std::uint32_t transport) {
    aegis_client* client = nullptr;
    EXPECT_EQ(system.open_client(with(transport), &client), AEGIS_OK) << aegis_last_error();
    return Client(client);
}

class ClientLosses : public testing::TestWithParam<std::uint32_t> {
  protected:
    std::int32_t next(const Client& client, std::int32_t timeout_ms = AEGIS_FOREVER) {
        item_.size = sizeof(item_);
        return aegis_next(client.get(), &item_, timeout_ms);
    }
    aegis_item item_ = {};
};

INSTANTIATE_TEST_SUITE_P(Both, ClientLosses, testing::Values(AEGIS_TRANSPORT_RING, AEGIS_TRANSPORT_PULL),
                         [](const auto& tested) { return tested.param == AEGIS_TRANSPORT_RING ? "Ring" : "Pull"; });

// Catches: a loss before the ring that is told with sequences, for another reason, twice, or to a client that came
// later.
TEST_P(ClientLosses, AreToldOnceByReason) {
    FakeSystem system;
    system.lose(AEGIS_LOST_SOURCE, 9);
    const Client client = open(system, GetParam());
    const Client other = [&] {
        aegis_client* reader = nullptr;
        EXPECT_EQ(aegis_share(client.get(), &reader), AEGIS_OK);
        return Client(reader);
    }();
    for (std::uint32_t reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        system.lose(reason, reason + 5);
        ASSERT_EQ(next(client), 1) << reason;
        EXPECT_EQ(item_.kind, AEGIS_ITEM_LOSS);
        EXPECT_EQ(item_.reason, reason);
        EXPECT_EQ(item_.count, reason + 5);
        EXPECT_EQ(item_.sequence, 0U);
        EXPECT_EQ(item_.last, 0U);
        EXPECT_EQ(next(other, 0), 0);
    }
    aegis_stats stats = {};
    stats.size = sizeof(stats);
    ASSERT_EQ(aegis_stats_of(other.get(), &stats), AEGIS_OK);
    for (std::uint32_t reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        EXPECT_EQ(stats.lost_before[reason], reason + 5);
    }
}

// Catches: losses of a reader that leaves in the middle of them lost with it.
TEST_P(ClientLosses, ThatAReaderHasNotHandedOutGoToTheOthers) {
    FakeSystem system;
    const Client client = open(system, GetParam());
    {
        aegis_client* reader = nullptr;
        ASSERT_EQ(aegis_share(client.get(), &reader), AEGIS_OK);
        const Client leaving(reader);
        system.lose(AEGIS_LOST_OVERSIZE, 1);
        system.lose(AEGIS_LOST_SOURCE, 2);
        ASSERT_EQ(next(leaving), 1);
        EXPECT_EQ(item_.reason, AEGIS_LOST_OVERSIZE);
    }
    ASSERT_EQ(next(client), 1);
    EXPECT_EQ(item_.reason, AEGIS_LOST_SOURCE);
    EXPECT_EQ(item_.count, 2U);
}

// Catches: a visit of no items that reads on.
TEST_P(ClientLosses, AreAllThatAVisitOfNoItemsHandsOut) {
    FakeSystem system;
    const Client client = open(system, GetParam());
    system.publish_exit(1);
    system.lose(AEGIS_LOST_SOURCE, 3);
    std::uint64_t lost = 0;
    const auto count = [](void* context, const aegis_item* item) -> std::int32_t {
        EXPECT_EQ(item->kind, AEGIS_ITEM_LOSS);
        *static_cast<std::uint64_t*>(context) += item->count;
        return 0;
    };
    EXPECT_EQ(aegis_visit(client.get(), count, &lost, 0, AEGIS_FOREVER), 1);
    EXPECT_EQ(lost, 3U);
    ASSERT_EQ(next(client), 1);
    EXPECT_EQ(item_.kind, AEGIS_ITEM_EVENT);
    EXPECT_EQ(item_.sequence, 1U);
}

// Catches: an event whose size cannot be that is handed out with it.
TEST_P(ClientLosses, AMalformedEventHasTheBytesThatAreThere) {
    FakeSystem system;
    system.publish_with_size(2000);
    const Client client = open(system, GetParam());
    ASSERT_EQ(next(client), 1);
    EXPECT_EQ(item_.sequence, 1U);
    EXPECT_LT(item_.bytes, 2000U);
    AEGIS_EVENT_HEADER header;
    std::memcpy(&header, item_.data, sizeof(header));
    EXPECT_EQ(header.Size, 2000U);
}

TEST(ClientVersion, OfAnotherReleaseIsSaid) {
    FakeSystem system;
    system.refuse(AEGIS_IOCTL_QUERY, {client::IoStatus::kOtherRevision, 0, 89});
    aegis_client* client = nullptr;
    EXPECT_EQ(system.open_client(with(AEGIS_TRANSPORT_AUTO), &client), AEGIS_ERROR_VERSION);
    EXPECT_EQ(client, nullptr);
    EXPECT_NE(std::strstr(aegis_last_error(), "install driver and agent from the same release"), nullptr);
}

// Catches: AEGIS_TRANSPORT_RING that is taken for a wish; an explanation that nobody gets.
TEST(ClientTransport, IsPullWhereTheRingCannotBeMappedUnlessItIsInsistedOn) {
    FakeSystem system;
    system.refuse(AEGIS_IOCTL_RING_SETUP, {client::IoStatus::kFailed, 0, 17});
    aegis_client* refused = nullptr;
    EXPECT_EQ(system.open_client(with(AEGIS_TRANSPORT_RING), &refused), AEGIS_ERROR_FAILED);
    EXPECT_NE(std::strstr(aegis_last_error(), "the ring cannot be mapped"), nullptr) << aegis_last_error();
    const Client client = open(system, AEGIS_TRANSPORT_AUTO);
    aegis_info info = {};
    info.size = sizeof(info);
    ASSERT_EQ(aegis_info_of(client.get(), &info), AEGIS_OK);
    EXPECT_EQ(info.transport, AEGIS_TRANSPORT_PULL);
    ASSERT_NE(info.not_ring, nullptr);
    EXPECT_NE(std::strstr(info.not_ring, "IOCTL_AEGIS_RING_SETUP failed: code 17"), nullptr) << info.not_ring;
}

}  // namespace
}  // namespace aegis
