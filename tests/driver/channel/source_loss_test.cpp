// What a source lost before the sensors saw it: how the driver is told, and where it shows.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {
namespace {

AEGIS_SOURCE_LOSS_REQUEST report_of(std::uint32_t count) {
    auto request = make_request<AEGIS_SOURCE_LOSS_REQUEST>();
    request.Count = count;
    return request;
}

class SourceLoss : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load_small(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(), STATUS_SUCCESS);
    }

    NTSTATUS send(ULONG code, std::span<const std::byte> request) {
        return host_->internal_device_control(u"\\Device\\AegisMon", code, request, {}).status;
    }
    NTSTATUS report(const AEGIS_SOURCE_LOSS_REQUEST& request) {
        return send(AEGIS_IOCTL_SOURCE_LOSS, bytes_of(request));
    }
    std::uint64_t lost() { return client_.query().reply->LostBefore[AEGIS_LOST_SOURCE]; }

    TestHost host_;
    Client client_{host_};
};

// Catches: a report that is not added up, counted under another reason, or kept from those who have the ring mapped.
TEST_F(SourceLoss, IsCountedInTheRingAndInTheReply) {
    const SetupResult setup = client_.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    Activity(host_).come_and_go(1);
    EXPECT_EQ(report(report_of(3)), STATUS_SUCCESS);
    EXPECT_EQ(report(report_of(UINT32_MAX)), STATUS_SUCCESS);
    constexpr std::uint64_t kLost = std::uint64_t{UINT32_MAX} + 3;
    const ring::RingMemory<> memory = ring_of(setup.reply);
    const QueryResult query = client_.query();
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        EXPECT_EQ(query.reply->LostBefore[reason], reason == AEGIS_LOST_SOURCE ? kLost : 0U) << reason;
        EXPECT_EQ(memory.load_lost_before(reason), query.reply->LostBefore[reason]) << reason;
    }
    EXPECT_EQ(query.reply->Published, 4U) << "a loss takes no ticket";
    EXPECT_EQ(query.reply->State, AEGIS_RING_RUNNING);
}

// Catches: a consumer that sleeps on until the next event, however long that takes.
TEST_F(SourceLoss, WakesWhoSleeps) {
    const host::EventResult event = client_.create_event();
    const SetupResult setup = client_.setup(event.handle);
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    EXPECT_EQ(report(report_of(1)), STATUS_SUCCESS);
    EXPECT_FALSE(client_.take_signal(event)) << "nobody sleeps";
    consumer_page_of(setup.reply)->WakeAt = 1;
    EXPECT_EQ(report(report_of(1)), STATUS_SUCCESS);
    EXPECT_TRUE(client_.take_signal(event));
    EXPECT_EQ(consumer_page_of(setup.reply)->WakeAt, AEGIS_WAKE_NEVER);
    EXPECT_EQ(client_.query().reply->WakeupsSent, 1U);
}

// Catches: each check of the request left out.
TEST_F(SourceLoss, AMalformedReportChangesNothing) {
    std::vector<std::byte> longer(2 * sizeof(AEGIS_SOURCE_LOSS_REQUEST));
    const AEGIS_SOURCE_LOSS_REQUEST good = report_of(5);
    std::memcpy(longer.data(), &good, sizeof(good));
    for (std::size_t bytes = 0; bytes <= longer.size(); ++bytes) {
        if (bytes != sizeof(good)) {
            EXPECT_EQ(send(AEGIS_IOCTL_SOURCE_LOSS, std::span(longer).first(bytes)),
                      bytes < sizeof(good) ? STATUS_INFO_LENGTH_MISMATCH : STATUS_INVALID_PARAMETER);
        }
    }
    for (const std::uint32_t version : {0U, 1U, 3U, 0x10002U, 0x01000002U}) {
        AEGIS_SOURCE_LOSS_REQUEST request = good;
        request.Header.Version = version;
        EXPECT_EQ(report(request), STATUS_REVISION_MISMATCH) << version;
    }
    AEGIS_SOURCE_LOSS_REQUEST request = good;
    request.Header.Bytes = sizeof(request) + 1;
    EXPECT_EQ(report(request), STATUS_INVALID_PARAMETER);
    for (unsigned bit = 0; bit < 32; ++bit) {
        request = good;
        request.Reserved = 1U << bit;
        EXPECT_EQ(report(request), STATUS_INVALID_PARAMETER) << bit;
    }
    EXPECT_EQ(report(report_of(0)), STATUS_INVALID_PARAMETER);
    // What is wrong first decides.
    request = report_of(0);
    request.Header.Version = 0;
    EXPECT_EQ(report(request), STATUS_REVISION_MISMATCH);
    EXPECT_EQ(lost(), 0U);
}

// Kernel components have no handle, so the requests that need one are none of theirs.
TEST_F(SourceLoss, OtherInternalRequestsAreUnknown) {
    for (const ULONG code : {ULONG{0}, AEGIS_IOCTL_GET_EVENTS, AEGIS_IOCTL_RING_SETUP, AEGIS_IOCTL_RING_TEARDOWN,
                             AEGIS_IOCTL_QUERY, AEGIS_IOCTL_NO_SOURCE + 4, AEGIS_IOCTL_SOURCE_LOSS | 3}) {
        EXPECT_EQ(send(code, bytes_of(report_of(5))), STATUS_INVALID_DEVICE_REQUEST) << std::hex << code;
    }
    EXPECT_EQ(lost(), 0U);
}

// Catches: the code served among those of user mode.
TEST_F(SourceLoss, UserModeCannotReport) {
    const AEGIS_SOURCE_LOSS_REQUEST request = report_of(5);
    EXPECT_EQ(client_.control(AEGIS_IOCTL_SOURCE_LOSS, bytes_of(request), {}).status, STATUS_INVALID_DEVICE_REQUEST);
    EXPECT_NE(host_->request(client_.process(), client_.device(), IRP_MJ_INTERNAL_DEVICE_CONTROL).status,
              STATUS_SUCCESS);
    EXPECT_EQ(lost(), 0U);
}

// Catches: each check of the request left out; a flag in another row, or one that ends another; the code served among
// those of user mode.
TEST_F(SourceLoss, ACallbackThatNothingCallsSaysSo) {
    auto request = make_request<AEGIS_NO_SOURCE_REQUEST>();
    request.Kind = AEGIS_CALLBACK_IMAGE;
    EXPECT_EQ(client_.control(AEGIS_IOCTL_NO_SOURCE, bytes_of(request), {}).status, STATUS_INVALID_DEVICE_REQUEST);
    EXPECT_EQ(send(AEGIS_IOCTL_NO_SOURCE, bytes_of(request).first(sizeof(request) - 1)), STATUS_INFO_LENGTH_MISMATCH);
    request.Reserved = 1;
    EXPECT_EQ(send(AEGIS_IOCTL_NO_SOURCE, bytes_of(request)), STATUS_INVALID_PARAMETER);
    request.Reserved = 0;
    for (const std::uint32_t kind : {0U, AEGIS_CALLBACK_OWNER_EXIT, 99U}) {
        request.Kind = kind;
        EXPECT_EQ(send(AEGIS_IOCTL_NO_SOURCE, bytes_of(request)), STATUS_NOT_FOUND) << kind;
    }
    const auto flags = [&](std::uint32_t kind) { return callback_row(*client_.query().reply, kind).Flags; };
    EXPECT_EQ(flags(AEGIS_CALLBACK_IMAGE), 0U);
    request.Kind = AEGIS_CALLBACK_IMAGE;
    EXPECT_EQ(send(AEGIS_IOCTL_NO_SOURCE, bytes_of(request)), STATUS_SUCCESS);
    EXPECT_EQ(flags(AEGIS_CALLBACK_IMAGE), AEGIS_CALLBACK_NO_SOURCE);
    EXPECT_EQ(flags(AEGIS_CALLBACK_THREAD), 0U);
    EXPECT_EQ(flags(AEGIS_CALLBACK_PROCESS), 0U);
    EXPECT_EQ(callback_row(*client_.query().reply, AEGIS_CALLBACK_IMAGE).Registered, 1U);
}

// What one load was told is none of the next one's.
TEST(NoSource, EndsWithTheLoad) {
    TestHost host;
    for (const bool told : {true, false}) {
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
        auto request = make_request<AEGIS_NO_SOURCE_REQUEST>();
        request.Kind = AEGIS_CALLBACK_THREAD;
        if (told) {
            EXPECT_EQ(host->internal_device_control(u"\\Device\\AegisMon", AEGIS_IOCTL_NO_SOURCE, bytes_of(request), {})
                          .status,
                      STATUS_SUCCESS);
        }
        Client client(host);
        ASSERT_EQ(client.open(), STATUS_SUCCESS);
        EXPECT_EQ(callback_row(*client.query().reply, AEGIS_CALLBACK_THREAD).Flags,
                  told ? AEGIS_CALLBACK_NO_SOURCE : 0U);
        ASSERT_EQ(client.close(), STATUS_SUCCESS);
        ASSERT_EQ(host.unload(), host::UnloadResult::kUnloaded);
    }
}

PDRIVER_DISPATCH g_driver_internal = nullptr;

NTSTATUS NTAPI pass_on_from_user_mode(PDEVICE_OBJECT device, PIRP irp) {
    irp->RequestorMode = UserMode;
    return g_driver_internal(device, irp);
}

// Another driver that turns a user's request into an internal one, as a careless filter could.
// Catches: the requestor's mode not looked at.
TEST(SourceLossPassedOn, FromUserModeIsRefused) {
    TestHost host;
    const DriverObjectHooks hooks{nullptr, [](DRIVER_OBJECT& object) {
                                      g_driver_internal = object.MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL];
                                      object.MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL] = pass_on_from_user_mode;
                                  }};
    ASSERT_EQ(host.load_hooked(hooks), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const AEGIS_SOURCE_LOSS_REQUEST request = report_of(5);
    EXPECT_EQ(
        host->internal_device_control(u"\\Device\\AegisMon", AEGIS_IOCTL_SOURCE_LOSS, bytes_of(request), {}).status,
        STATUS_ACCESS_DENIED);
    EXPECT_EQ(client.query().reply->LostBefore[AEGIS_LOST_SOURCE], 0U);
}

}  // namespace
}  // namespace aegis::test
