// aegis.dll against AegisMonTest.sys, both as built for Windows. Under Wine no ring can be mapped, so the library
// pulls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>

#include "aegis/client.h"
#include "control_device.hpp"
#include "driver_service.hpp"
#include "synthetic_events.hpp"

namespace aegis::windows_test {
namespace {

struct Close {
    void operator()(aegis_client* client) const { aegis_close(client); }
};
using Client = std::unique_ptr<aegis_client, Close>;

// Null, and a failure of the test, when it cannot be opened.
Client open() {
    aegis_client* client = nullptr;
    EXPECT_EQ(aegis_open(nullptr, &client), AEGIS_OK) << aegis_last_error();
    return Client(client);
}

class Library : public testing::Test {
  protected:
    Library() {
        service_.start();
        device_.emplace();
    }

    DriverService service_{"AegisMonTest", "AegisMonTest.sys"};
    std::optional<ControlDevice> device_;
};

// Catches: an event left out, twice, or with bytes of another one; a transport that is not explained.
TEST_F(Library, ReadsEveryEvent) {
    ASSERT_EQ(publish_pairs(*device_, 10, 1000), kStatusSuccess);
    const Client client = open();
    ASSERT_NE(client, nullptr);
    aegis_info info = {};
    info.size = sizeof(info);
    ASSERT_EQ(aegis_info_of(client.get(), &info), AEGIS_OK) << aegis_last_error();
    EXPECT_EQ(info.transport, AEGIS_TRANSPORT_PULL);
    EXPECT_EQ(info.driver_version, aegis_version());
    ASSERT_NE(info.not_ring, nullptr);
    EXPECT_THAT(info.not_ring, testing::HasSubstr("the driver does not offer it"));

    aegis_item item = {};
    item.size = sizeof(item);
    for (std::uint32_t i = 0; i < 20; ++i) {
        ASSERT_EQ(aegis_next(client.get(), &item, AEGIS_FOREVER), 1) << aegis_last_error();
        ASSERT_EQ(item.kind, AEGIS_ITEM_EVENT);
        EXPECT_EQ(item.sequence, i + 1);
        AEGIS_EVENT_HEADER header;
        AEGIS_PROCESS_PAYLOAD payload;
        ASSERT_EQ(item.bytes, sizeof(header) + sizeof(payload));
        std::memcpy(&header, item.data, sizeof(header));
        std::memcpy(&payload, static_cast<const std::byte*>(item.data) + sizeof(header), sizeof(payload));
        EXPECT_EQ(header.Type, i % 2 == 0 ? AEGIS_EVENT_PROCESS_CREATE : AEGIS_EVENT_PROCESS_EXIT);
        EXPECT_EQ(payload.ProcessId, 1000 + i / 2);
    }
    EXPECT_EQ(aegis_next(client.get(), &item, 0), 0);
    EXPECT_EQ(aegis_next(client.get(), &item, 10), 0) << "a timeout";
}

// Catches: a handle of the driver that closing leaves; a share that opens a second one.
TEST_F(Library, ClosingTheLastReaderClosesTheDriver) {
    ASSERT_EQ(device_->query().Handles, 1U);
    {
        const Client client = open();
        aegis_client* shared = nullptr;
        ASSERT_EQ(aegis_share(client.get(), &shared), AEGIS_OK) << aegis_last_error();
        const Client reader(shared);
        EXPECT_EQ(device_->query().Handles, 2U);
    }
    EXPECT_EQ(device_->query().Handles, 1U);
}

// Catches: an interrupt that does not end a wait under Windows, or cannot be taken back.
TEST_F(Library, AnInterruptEndsAWaitUntilItIsTakenBack) {
    const Client client = open();
    aegis_item item = {};
    item.size = sizeof(item);
    aegis_interrupt(client.get());
    EXPECT_EQ(aegis_next(client.get(), &item, AEGIS_FOREVER), AEGIS_INTERRUPTED);
    aegis_resume(client.get());
    EXPECT_EQ(aegis_next(client.get(), &item, 1), 0);
}

}  // namespace
}  // namespace aegis::windows_test
