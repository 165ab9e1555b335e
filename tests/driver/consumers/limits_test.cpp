// The limits of the contract: open handles, ring consumers.

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {
namespace {

class Limits : public testing::Test {
  protected:
    void SetUp() override { ASSERT_EQ(host_.load_small(), STATUS_SUCCESS); }

    TestHost host_;
};

// Catches: the check of open() left out, or off by one; handle_count_ not given back by close().
TEST_F(Limits, HandlesTo128) {
    Client client(host_);
    std::vector<host::ProcessHandle> handles;
    for (unsigned i = 0; i < AEGIS_MAX_HANDLES; ++i) {
        ASSERT_EQ(client.open(), STATUS_SUCCESS) << i;
        handles.push_back(client.device());
    }
    EXPECT_EQ(client.query().reply->Handles, AEGIS_MAX_HANDLES);
    Client other(host_);
    EXPECT_EQ(client.open(), STATUS_QUOTA_EXCEEDED);
    EXPECT_EQ(other.open(), STATUS_QUOTA_EXCEEDED);
    ASSERT_EQ(host_->close(client.process(), handles.back()), STATUS_SUCCESS);
    EXPECT_EQ(other.open(), STATUS_SUCCESS);
    EXPECT_EQ(client.open(), STATUS_QUOTA_EXCEEDED);
}

// With every handle a consumer, the query has a row for each.
TEST_F(Limits, TheQueryHasARowForEachHandle) {
    Client client(host_);
    for (unsigned i = 0; i < AEGIS_MAX_HANDLES; ++i) {
        ASSERT_EQ(client.open(), STATUS_SUCCESS);
        ASSERT_EQ(client.pull().status, STATUS_SUCCESS);
    }
    const QueryResult query = client.query();
    for (const AEGIS_CONSUMER_INFO& row : query.reply->Consumers) {
        EXPECT_EQ(row.Transport, AEGIS_TRANSPORT_PULL);
    }
}

// Catches: the doorbell's refusal not passed on, or the mapping left behind after it.
TEST_F(Limits, ConsumersTo32) {
    std::vector<std::unique_ptr<Client>> clients;
    for (unsigned i = 0; i < AEGIS_MAX_CONSUMERS; ++i) {
        clients.push_back(std::make_unique<Client>(host_));
        ASSERT_EQ(clients.back()->open(), STATUS_SUCCESS);
        ASSERT_EQ(clients.back()->setup().status, STATUS_SUCCESS) << i;
    }
    Client one_more(host_);
    ASSERT_EQ(one_more.open(), STATUS_SUCCESS);
    const host::EventResult event = one_more.create_event();
    EXPECT_EQ(one_more.setup(event.handle).status, STATUS_QUOTA_EXCEEDED);
    EXPECT_TRUE(one_more.mappings().empty());
    EXPECT_EQ(one_more.teardown(), STATUS_NOT_FOUND);
    // It may still pull, and take the place of one that leaves.
    Activity(host_).come_and_go(1);
    EXPECT_EQ(events_in(one_more.pull(1 << 16).bytes).size(), 2U);
    ASSERT_EQ(clients[7]->teardown(), STATUS_SUCCESS);
    EXPECT_EQ(one_more.setup(event.handle).status, STATUS_SUCCESS);
    EXPECT_EQ(clients[7]->setup().status, STATUS_QUOTA_EXCEEDED);
}

// Every one of the 32 hears its bell.
TEST_F(Limits, AllConsumersAreWoken) {
    struct Waiter {
        std::unique_ptr<Client> client;
        host::EventResult event;
        SetupResult setup;
    };
    std::vector<Waiter> waiters(AEGIS_MAX_CONSUMERS);
    for (Waiter& waiter : waiters) {
        waiter.client = std::make_unique<Client>(host_);
        ASSERT_EQ(waiter.client->open(), STATUS_SUCCESS);
        waiter.event = waiter.client->create_event();
        waiter.setup = waiter.client->setup(waiter.event.handle);
        ASSERT_EQ(waiter.setup.status, STATUS_SUCCESS);
        consumer_page_of(waiter.setup.reply)->WakeAt = 1;
    }
    Activity(host_).come_and_go(1);
    for (Waiter& waiter : waiters) {
        EXPECT_TRUE(waiter.client->take_signal(waiter.event));
        EXPECT_EQ(consumer_page_of(waiter.setup.reply)->WakeAt, AEGIS_WAKE_NEVER);
    }
    EXPECT_EQ(waiters[0].client->query().reply->WakeupsSent, AEGIS_MAX_CONSUMERS);
}

}  // namespace
}  // namespace aegis::test
