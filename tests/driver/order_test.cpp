// The order in which the driver builds up and takes down, and what only a certain order of things brings about.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <thread>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/kernel_calls.hpp"

namespace aegis::test {
namespace {

using testing::_;
using testing::AnyNumber;
using testing::InSequence;
using testing::NiceMock;

constexpr const char* kSensorCall = "PsSetCreateProcessNotifyRoutineEx";
constexpr const char* kSensorCallForSubsystems = "PsSetCreateProcessNotifyRoutineEx2";

// Each name once, in this order; calls of other names do not matter.
void expect_in_order(KernelCalls& calls, std::initializer_list<const char*> names) {
    EXPECT_CALL(calls, call(_)).Times(AnyNumber());
    const InSequence order;
    for (const char* name : names) {
        EXPECT_CALL(calls, call(name)).RetiresOnSaturation();
    }
}

// Catches: a device that can be opened before it is secured, a producer that runs before what it needs is there.
TEST(Order, OfTheLoad) {
    TestHost host;
    {
        KernelCalls calls;
        expect_in_order(calls,
                        {"ExAllocatePoolWithTag", "IoCreateDevice", "ZwSetSecurityObject", "IoCreateSymbolicLink",
                         "PsSetCreateProcessNotifyRoutine", "PsSetCreateProcessNotifyRoutineEx2"});
        ASSERT_EQ(host.load(), STATUS_SUCCESS);
    }
}

// Producers, link, device, memory. Catches: any two lines of unload() swapped.
TEST(Order, OfTheUnload) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    KernelCalls calls;
    expect_in_order(calls, {"PsSetCreateProcessNotifyRoutineEx2 remove", "PsSetCreateProcessNotifyRoutine remove",
                            "IoDeleteSymbolicLink", "IoDeleteDevice", "ExFreePoolWithTag"});
    ASSERT_EQ(host.unload(), host::UnloadResult::kUnloaded);
}

std::vector<std::string> calls_during(const std::function<void()>& action) {
    std::vector<std::string> heard;
    NiceMock<KernelCalls> calls;
    ON_CALL(calls, call(_)).WillByDefault([&](const std::string& name) { heard.push_back(name); });
    action();
    return heard;
}

// All of it under the table's lock: the bell first, under the publish lock, then the signals that were due, then the
// mappings, then the memory, the event and the owner.
// Catches: the event or the page released while a producer may still use it.
TEST(Order, OfATeardown) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    Client owner(host);
    Client other(host);
    ASSERT_EQ(owner.open(), STATUS_SUCCESS);
    ASSERT_EQ(owner.duplicate_to(other), STATUS_SUCCESS);
    ASSERT_EQ(owner.setup().status, STATUS_SUCCESS);
    EXPECT_THAT(
        calls_during([&] { EXPECT_EQ(owner.teardown(), STATUS_SUCCESS); }),
        testing::ElementsAre("ExAcquireFastMutex", "KeAcquireInStackQueuedSpinLock", "KeReleaseInStackQueuedSpinLock",
                             "ExWaitForRundownProtectionRelease", "MmUnmapLockedPages", "IoFreeMdl",
                             "MmUnmapLockedPages", "IoFreeMdl", "ExFreePoolWithTag", "ObfDereferenceObject",
                             "ObfDereferenceObject", "ExFreePoolWithTag", "ExReleaseFastMutex"));
    ASSERT_EQ(owner.setup().status, STATUS_SUCCESS);
    EXPECT_THAT(calls_during([&] { EXPECT_EQ(other.teardown(), STATUS_SUCCESS); }),
                testing::ElementsAre("ExAcquireFastMutex", "KeAcquireInStackQueuedSpinLock",
                                     "KeReleaseInStackQueuedSpinLock", "ExWaitForRundownProtectionRelease",
                                     "KeStackAttachProcess", "MmUnmapLockedPages", "IoFreeMdl", "MmUnmapLockedPages",
                                     "IoFreeMdl", "KeUnstackDetachProcess", "ExFreePoolWithTag", "ObfDereferenceObject",
                                     "ObfDereferenceObject", "ExFreePoolWithTag", "ExReleaseFastMutex"));
}

// NT is asked for a session id until it has one, with 20 ms between, and no more.
// Catches: no pause, another one, or one after the last attempt.
TEST(Order, OfTheAttemptsAtASessionId) {
    TestHost host;
    host->answer_uuids({STATUS_RETRY, STATUS_RETRY});
    std::vector<std::string> heard = calls_during([&] { ASSERT_EQ(host.load(), STATUS_SUCCESS); });
    std::erase_if(heard, [](const std::string& name) {
        return name != "ExUuidCreate" && !name.starts_with("KeDelayExecutionThread");
    });
    const std::string pause = "KeDelayExecutionThread -200000";
    EXPECT_THAT(heard, testing::ElementsAre("ExUuidCreate", pause, "ExUuidCreate", pause, "ExUuidCreate"));
}

// A sensor that never was registered is not removed: that it would be harmless is NT's good will.
// Catches: SensorTable::stop() that does not ask which sensors started.
TEST(Order, NothingIsRemovedThatWasNotThere) {
    TestHost host;
    // The call for processes of every subsystem, and then the one that would do instead; between them lies the ETW
    // event about the first.
    for (std::uint64_t n = 1; !host->driver_loaded() || host->faults().failed().front() != kSensorCallForSubsystems;
         ++n) {
        host.unload();
        host->faults().reset();
        host->faults().arm(n, n + 2);
        host.load();
        ASSERT_FALSE(host->faults().failed().empty()) << "the sensor's registration did not fail";
    }
    ASSERT_EQ(host->faults().failed().back(), kSensorCall);
    host->faults().reset();
    KernelCalls calls;
    EXPECT_CALL(calls, call(_)).Times(AnyNumber());
    for (const char* name : {kSensorCall, kSensorCallForSubsystems}) {
        EXPECT_CALL(calls, call(std::string(name) + " remove")).Times(0);
    }
    ASSERT_EQ(host.unload(), host::UnloadResult::kUnloaded);
}

// The last handle is closed while a setup is under way and has its event already: it must not make a consumer of a file
// object that nobody can clean up any more.
// Catches: cleaned_up not set by cleanup() or not looked at by setup().
TEST(Order, ASetupThatTheCleanupOvertakesIsRefused) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const host::EventResult event = client.create_event();
    KernelCalls calls;
    EXPECT_CALL(calls, call(_)).Times(AnyNumber());
    EXPECT_CALL(calls, call("ObReferenceObjectByHandle")).WillOnce([&] {
        // On a thread of its own, as another thread of the client would do it.
        std::thread([&] { EXPECT_EQ(host->close(client.process(), client.device()), STATUS_SUCCESS); }).join();
    });
    EXPECT_EQ(client.setup(event.handle).status, STATUS_FILE_CLOSED);
    EXPECT_TRUE(client.mappings().empty());
}

}  // namespace
}  // namespace aegis::test
