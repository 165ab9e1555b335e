// Load and unload: names, device, dispatch table, debug output, reload.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/kernel_view.hpp"

namespace aegis::test {
namespace {

using host::UnloadResult;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;

auto line(ULONG level, const std::string& text) {
    return AllOf(Field("level", &DebugLine::level, level), Field("text", &DebugLine::text, text));
}

TEST(Load, SaysThatItIsReadyAndNothingElse) {
    TestHost host;
    EXPECT_EQ(host.load(), STATUS_SUCCESS);
    EXPECT_THAT(host.take_debug_lines(), ElementsAre(line(DPFLTR_INFO_LEVEL, "AegisMon: ready, ring of 4352 KiB")));
    EXPECT_EQ(host.unload(), UnloadResult::kUnloaded);
    EXPECT_TRUE(host.take_debug_lines().empty());
}

TEST(Load, MakesTheDeviceAndItsLink) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    Client client(host);
    for (const char16_t* path : {u"\\??\\AegisMon", u"\\Device\\AegisMon", u"\\DosDevices\\AegisMon"}) {
        const host::HandleResult opened = host->open(client.process(), path, FILE_READ_DATA);
        EXPECT_EQ(opened.status, STATUS_SUCCESS) << reinterpret_cast<const std::uint16_t*>(path);
        EXPECT_EQ(host->close(client.process(), opened.handle), STATUS_SUCCESS);
    }
    EXPECT_EQ(host.unload(), UnloadResult::kUnloaded);
    EXPECT_EQ(host->open(client.process(), u"\\??\\AegisMon", FILE_READ_DATA).status, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(host->open(client.process(), u"\\Device\\AegisMon", FILE_READ_DATA).status, STATUS_OBJECT_NAME_NOT_FOUND);
}

// Catches: another device type, FILE_DEVICE_SECURE_OPEN left out, an exclusive device.
TEST(Load, MakesTheDeviceThatTheContractNames) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const FileObjectRef file(client);
    const DEVICE_OBJECT& device = *file->DeviceObject;
    EXPECT_EQ(device.DeviceType, FILE_DEVICE_UNKNOWN);
    EXPECT_EQ(device.Characteristics, FILE_DEVICE_SECURE_OPEN);
    EXPECT_EQ(device.Flags & DO_EXCLUSIVE, 0U);
    EXPECT_EQ(device.NextDevice, nullptr) << "a second device";
    Client second(host);
    EXPECT_EQ(second.open(), STATUS_SUCCESS);
}

// Catches: fill_dispatch_table() without its loop, or one that ends before IRP_MJ_MAXIMUM_FUNCTION. What the I/O
// manager puts there answers alike, so what it put is looked at.
TEST(Load, FillsTheWholeDispatchTable) {
    TestHost host;
    const DriverObjectHooks hooks{[](DRIVER_OBJECT& object) {
                                      for (PDRIVER_DISPATCH& routine : object.MajorFunction) {
                                          routine = nullptr;
                                      }
                                  },
                                  [](const DRIVER_OBJECT& object) {
                                      for (PDRIVER_DISPATCH routine : object.MajorFunction) {
                                          EXPECT_NE(routine, nullptr);
                                      }
                                  }};
    ASSERT_EQ(host.load_hooked(hooks), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const FileObjectRef file(client);
    const DRIVER_OBJECT& driver = *file->DeviceObject->DriverObject;
    EXPECT_NE(driver.DriverUnload, nullptr);
    std::set<PDRIVER_DISPATCH> routines;
    for (PDRIVER_DISPATCH routine : driver.MajorFunction) {
        routines.insert(routine);
    }
    // Create, cleanup, close, device control, internal device control, and one for all the rest.
    EXPECT_EQ(routines.size(), 6U);
    const std::set<UCHAR> served{IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_DEVICE_CONTROL,
                                 IRP_MJ_INTERNAL_DEVICE_CONTROL};
    for (UCHAR major = 0; major <= IRP_MJ_MAXIMUM_FUNCTION; ++major) {
        if (served.contains(major)) {
            continue;
        }
        const host::IoResult io = host->request(client.process(), client.device(), major);
        EXPECT_EQ(io.status, STATUS_INVALID_DEVICE_REQUEST) << int{major};
        EXPECT_EQ(io.information, 0U) << int{major};
    }
}

TEST(Load, CanBeRepeated) {
    TestHost host;
    for (int round = 0; round < 3; ++round) {
        ASSERT_EQ(host.load(), STATUS_SUCCESS) << round;
        Client client(host);
        ASSERT_EQ(client.open(), STATUS_SUCCESS) << round;
        Activity(host).come_and_go(1);
        ASSERT_EQ(client.setup().status, STATUS_SUCCESS) << round;
        client.exit();
        ASSERT_EQ(host.unload(), UnloadResult::kUnloaded) << round;
    }
}

// Catches: state of one load that shows in the next (RingChannel::create, HandleTable::initialize and
// CallbackHealth::reset start over).
TEST(Load, StartsOver) {
    TestHost host;
    std::set<std::string> sessions;
    for (int round = 0; round < 4; ++round) {
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
        Client client(host);
        ASSERT_EQ(client.open(), STATUS_SUCCESS);
        const QueryResult query = client.query();
        ASSERT_EQ(query.status, STATUS_SUCCESS);
        EXPECT_EQ(query.reply->Published, 0U);
        EXPECT_EQ(query.reply->WakeupsSent, 0U);
        EXPECT_EQ(query.reply->Handles, 1U);
        EXPECT_EQ(query.reply->State, AEGIS_RING_RUNNING);
        for (const AEGIS_CALLBACK_HEALTH& row : query.reply->Callbacks) {
            EXPECT_EQ(row.Seen, 0U);
            EXPECT_EQ(row.LastEventTime, 0);
        }
        sessions.emplace(reinterpret_cast<const char*>(query.reply->SessionId), sizeof(query.reply->SessionId));
        Activity(host).come_and_go(3);
        const std::vector<ProcessEvent> events = events_in(client.pull(std::size_t{64} * 1024).bytes);
        ASSERT_EQ(events.size(), 6U);
        EXPECT_EQ(events[0].header.Sequence, 2U) << "its details are the first";
        client.exit();
        ASSERT_EQ(host.unload(), UnloadResult::kUnloaded);
    }
    EXPECT_EQ(sessions.size(), 4U) << "a session id came twice";
}

std::string session_of(TestHost& host) {
    Client client(host);
    EXPECT_EQ(client.open(), STATUS_SUCCESS);
    const QueryResult query = client.query();
    return {reinterpret_cast<const char*>(query.reply->SessionId), sizeof(query.reply->SessionId)};
}

// NT has no id that is unique everywhere, on a computer without a network card; and none at all, for a while after it
// started. Catches: `status != STATUS_SUCCESS` for a failure; one attempt; an id that was not made.
TEST(Load, TakesTheSessionIdThatNtHasInTheEnd) {
    for (const std::vector<NTSTATUS>& answers :
         {std::vector{RPC_NT_UUID_LOCAL_ONLY}, std::vector{STATUS_RETRY, STATUS_RETRY, STATUS_SUCCESS},
          std::vector{STATUS_RETRY, RPC_NT_UUID_LOCAL_ONLY}}) {
        TestHost host;
        host->answer_uuids(answers);
        ASSERT_EQ(host.load(), STATUS_SUCCESS);
        EXPECT_THAT(host.take_debug_lines(), ElementsAre(line(DPFLTR_INFO_LEVEL, "AegisMon: ready, ring of 4352 KiB")));
        EXPECT_NE(session_of(host), std::string(sizeof(UUID), '\0'));
    }
}

// Catches: asking more or less often, a load without an id.
TEST(Load, FailsWithNtsAnswerWhenNoSessionIdBecomesReady) {
    TestHost host;
    host->answer_uuids(std::vector<NTSTATUS>(10, STATUS_RETRY));
    EXPECT_EQ(host.load(), STATUS_RETRY);
    EXPECT_THAT(host.take_debug_lines(),
                ElementsAre(line(DPFLTR_ERROR_LEVEL, "AegisMon: cannot create the ring: 0xc000022d")));
    host->answer_uuids(std::vector<NTSTATUS>(9, STATUS_RETRY));
    EXPECT_EQ(host.load(), STATUS_SUCCESS);
}

// Catches: another failure than "not ready" taken for that.
TEST(Load, FailsAtOnceWhereAskingAgainDoesNotHelp) {
    TestHost host;
    host->answer_uuids({STATUS_UNSUCCESSFUL});
    EXPECT_EQ(host.load(), STATUS_UNSUCCESSFUL);
    EXPECT_EQ(host.load(), STATUS_SUCCESS);
}

TEST(Unload, WaitsForTheLastHandle) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    Client first(host);
    Client second(host);
    ASSERT_EQ(first.open(), STATUS_SUCCESS);
    ASSERT_EQ(second.open(), STATUS_SUCCESS);
    ASSERT_EQ(second.setup().status, STATUS_SUCCESS);
    EXPECT_EQ(host.unload(), UnloadResult::kPending);
    EXPECT_NE(first.open(), STATUS_SUCCESS) << "opened a device that is about to go";
    // What was open goes on working.
    Activity(host).come_and_go(1);
    EXPECT_EQ(events_in(second.pull(8192).bytes).size(), 2U);
    first.exit();
    EXPECT_TRUE(host->driver_loaded());
    second.exit();
    EXPECT_FALSE(host->driver_loaded());
}

TEST(Unload, StopsTheProducers) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    ASSERT_EQ(host.unload(), UnloadResult::kUnloaded);
    // Would run code that is gone.
    Activity(host).come_and_go(2);
}

// Events count from the load on, not from the first agent.
TEST(Load, KeepsEventsForTheFirstAgent) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    Activity(host).come_and_go(5);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    EXPECT_EQ(events_in(client.pull(std::size_t{64} * 1024).bytes).size(), 10U);
    const SetupResult setup = client.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    ring::Consumer<> consumer(ring_of(setup.reply), ring::oldest_event(ring_of(setup.reply)));
    EXPECT_EQ(drain(consumer).size(), 10U);
}

}  // namespace
}  // namespace aegis::test
