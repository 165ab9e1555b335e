// What other drivers may send: requests from kernel mode, with a file object of theirs or with none.

#include <gtest/gtest.h>

#include <vector>

#include "driver/host/executive/io/kernel_client.hpp"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/kernel_view.hpp"

namespace aegis::test {
namespace {

using host::KernelClient;

constexpr char16_t kPath[] = u"\\Device\\AegisMon";

class KernelRequest : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load_small(), STATUS_SUCCESS);
        ASSERT_EQ(observer_.open(), STATUS_SUCCESS);
    }

    std::uint32_t handles() { return observer_.query().reply->Handles; }

    TestHost host_;
    Client observer_{host_};
};

// IoGetDeviceObjectPointer and IoBuildDeviceIoControlRequest: the usual way, and it leaves the file object out.
// Catches: a request's file object not looked at (the machine stops), in any of the dispatch routines.
TEST_F(KernelRequest, ARequestWithoutAFileObjectIsRefused) {
    KernelClient client(kPath, FILE_READ_DATA);
    ASSERT_EQ(client.status(), STATUS_SUCCESS);
    std::vector<std::byte> output(1 << 14);
    for (const ULONG code :
         {AEGIS_IOCTL_GET_EVENTS, AEGIS_IOCTL_RING_SETUP, AEGIS_IOCTL_RING_TEARDOWN, AEGIS_IOCTL_QUERY}) {
        const host::IoResult io = client.control_without_file(code, {}, output);
        EXPECT_EQ(io.status, STATUS_INVALID_DEVICE_REQUEST) << std::hex << code;
        EXPECT_EQ(io.information, 0U) << std::hex << code;
    }
    for (const UCHAR major : {IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_DEVICE_CONTROL, IRP_MJ_READ}) {
        EXPECT_EQ(client.request_without_file(major).status, STATUS_INVALID_DEVICE_REQUEST) << int{major};
    }
    EXPECT_EQ(handles(), 2U);
}

// Catches: FsContext taken for granted by a request, by the cleanup or by the close.
TEST_F(KernelRequest, AFileObjectThatWasNeverOpenedIsRefused) {
    {
        KernelClient client = KernelClient::with_stream_file(kPath);
        ASSERT_EQ(client.status(), STATUS_SUCCESS);
        std::vector<std::byte> output(1 << 14);
        const auto query = make_request<AEGIS_QUERY_REQUEST>();
        EXPECT_EQ(client.control(AEGIS_IOCTL_QUERY, bytes_of(query), output).status, STATUS_INVALID_DEVICE_REQUEST);
        EXPECT_EQ(handles(), 1U);
    }
    EXPECT_EQ(handles(), 1U);
}

// Catches: a setup that maps memory into whatever process a driver's thread is in, here one that could be a consumer.
TEST_F(KernelRequest, ASetupIsRefused) {
    Client user(host_);
    const host::EventResult event = user.create_event();
    auto request = make_request<AEGIS_RING_SETUP_REQUEST>();
    request.EventHandle = event.handle;
    AEGIS_RING_SETUP_REPLY reply{};
    {
        const host::ProcessScope scope(user.process(), KernelMode);
        KernelClient client(kPath, kReadWrite);
        ASSERT_EQ(client.status(), STATUS_SUCCESS);
        const host::IoResult io =
            client.control(AEGIS_IOCTL_RING_SETUP, bytes_of(request), std::as_writable_bytes(std::span(&reply, 1)));
        EXPECT_EQ(io.status, STATUS_NOT_SUPPORTED);
        EXPECT_EQ(io.information, 0U);
    }
    EXPECT_TRUE(user.mappings().empty());
}

// A driver may read what it wants; its handle is closed already, as IoGetDeviceObjectPointer leaves it.
TEST_F(KernelRequest, QueriesAndPullsAreServed) {
    Activity(host_).come_and_go(3);
    KernelClient client(kPath, FILE_READ_DATA);
    ASSERT_EQ(client.status(), STATUS_SUCCESS);
    std::vector<std::byte> output(1 << 14);
    const auto query = make_request<AEGIS_QUERY_REQUEST>();
    EXPECT_EQ(client.control(AEGIS_IOCTL_QUERY, bytes_of(query), output).status, STATUS_SUCCESS);
    const host::IoResult pulled = client.control(AEGIS_IOCTL_GET_EVENTS, {}, output);
    EXPECT_EQ(pulled.status, STATUS_SUCCESS);
    EXPECT_EQ(events_in(std::span(output).first(pulled.information)).size(), 6U);
}

// In the name of the user whose thread it runs on, when it says so. Catches: the request's mode alone looked at, or the
// flag taken for a refusal.
TEST_F(KernelRequest, AnOpenForAUserIsCheckedAsTheUsers) {
    // So that the I/O manager's own check, which the flag asks for as well, has nothing against it.
    open_device_to_everyone(observer_);
    Client user(host_, host::Account::kUser);
    Client administrator(host_);
    const auto open_in = [](Client& client, KernelClient::OpenFor open_for) {
        const host::ProcessScope scope(client.process(), KernelMode);
        return KernelClient(kPath, FILE_READ_DATA, open_for).status();
    };
    EXPECT_EQ(open_in(user, KernelClient::OpenFor::kItself), STATUS_SUCCESS);
    EXPECT_EQ(open_in(user, KernelClient::OpenFor::kUser), STATUS_ACCESS_DENIED);
    EXPECT_EQ(open_in(administrator, KernelClient::OpenFor::kUser), STATUS_SUCCESS);
    EXPECT_EQ(handles(), 1U);
}

// Catches: a refused open that counts as one.
TEST_F(KernelRequest, AnOpenEndsWithItsFileObject) {
    {
        KernelClient client(kPath, FILE_READ_DATA);
        ASSERT_EQ(client.status(), STATUS_SUCCESS);
        EXPECT_EQ(handles(), 2U);
    }
    EXPECT_EQ(handles(), 1U);
}

// A filter driver that serves a request attached to another process: what is mapped there goes with that process.
class AttachedSetup : public testing::Test {
  protected:
    static NTSTATUS NTAPI serve_attached(PDEVICE_OBJECT device, PIRP irp) {
        const bool setup =
            IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceIoControl.IoControlCode == AEGIS_IOCTL_RING_SETUP;
        if (!setup) {
            return driver_control(device, irp);
        }
        PEPROCESS process = nullptr;
        EXPECT_EQ(PsLookupProcessByProcessId(reinterpret_cast<HANDLE>(std::uintptr_t{attach_to}), &process),
                  STATUS_SUCCESS);
        KAPC_STATE state;
        KeStackAttachProcess(reinterpret_cast<PKPROCESS>(process), &state);
        const NTSTATUS status = driver_control(device, irp);
        KeUnstackDetachProcess(&state);
        ObDereferenceObject(process);
        return status;
    }

    static inline PDRIVER_DISPATCH driver_control = nullptr;
    static inline std::uint32_t attach_to = 0;
};

// Catches: the owner's id taken from the thread's own process: the owner's exit then finds no consumer, and its address
// space goes with the mappings in it.
TEST_F(AttachedSetup, BelongsToTheProcessItIsMappedInto) {
    TestHost host;
    const DriverObjectHooks hooks{{}, [](DRIVER_OBJECT& object) {
                                      driver_control = object.MajorFunction[IRP_MJ_DEVICE_CONTROL];
                                      object.MajorFunction[IRP_MJ_DEVICE_CONTROL] = serve_attached;
                                  }};
    ASSERT_EQ(host.load_hooked(hooks), STATUS_SUCCESS);
    Client sender(host);
    Client owner(host);
    attach_to = owner.pid();
    ASSERT_EQ(sender.open(), STATUS_SUCCESS);
    // Handles count in the process that the thread is attached to.
    ASSERT_EQ(sender.setup(owner.create_event().handle).status, STATUS_SUCCESS);
    EXPECT_EQ(owner.mappings().size(), 2U);
    EXPECT_TRUE(sender.mappings().empty());
    EXPECT_EQ(sender.query().reply->Consumers[0].ProcessId, owner.pid());
    owner.exit();
    EXPECT_EQ(sender.query().reply->Consumers[0].Transport, 0U);
    EXPECT_EQ(sender.teardown(), STATUS_NOT_FOUND);
}

}  // namespace
}  // namespace aegis::test
