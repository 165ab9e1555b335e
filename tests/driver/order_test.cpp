// The order in which the driver builds up and takes down.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
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
                         "PsSetCreateProcessNotifyRoutine", "PsSetCreateProcessNotifyRoutineEx"});
        ASSERT_EQ(host.load(), STATUS_SUCCESS);
    }
}

// Producers, link, device, memory. Catches: any two lines of unload() swapped.
TEST(Order, OfTheUnload) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    KernelCalls calls;
    expect_in_order(calls, {"PsSetCreateProcessNotifyRoutineEx remove", "KeAcquireInStackQueuedSpinLock",
                            "PsSetCreateProcessNotifyRoutine remove", "IoDeleteSymbolicLink", "IoDeleteDevice",
                            "ExFreePoolWithTag"});
    ASSERT_EQ(host.unload(), host::UnloadResult::kUnloaded);
}

std::vector<std::string> calls_during(const std::function<void()>& action) {
    std::vector<std::string> heard;
    NiceMock<KernelCalls> calls;
    ON_CALL(calls, call(_)).WillByDefault([&](const std::string& name) { heard.push_back(name); });
    action();
    return heard;
}

// The bell first (under the publish lock), then the mappings, then the memory, the event and the owner.
// Catches: the event or the page released while a producer may still use it.
TEST(Order, OfATeardown) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    Client owner(host);
    Client other(host);
    ASSERT_EQ(owner.open(), STATUS_SUCCESS);
    ASSERT_EQ(owner.duplicate_to(other), STATUS_SUCCESS);
    ASSERT_EQ(owner.setup().status, STATUS_SUCCESS);
    EXPECT_THAT(calls_during([&] { EXPECT_EQ(owner.teardown(), STATUS_SUCCESS); }),
                testing::ElementsAre("KeAcquireInStackQueuedSpinLock", "MmUnmapLockedPages", "IoFreeMdl",
                                     "MmUnmapLockedPages", "IoFreeMdl", "ExFreePoolWithTag", "ObfDereferenceObject",
                                     "ObfDereferenceObject", "ExFreePoolWithTag"));
    ASSERT_EQ(owner.setup().status, STATUS_SUCCESS);
    EXPECT_THAT(
        calls_during([&] { EXPECT_EQ(other.teardown(), STATUS_SUCCESS); }),
        testing::ElementsAre("KeAcquireInStackQueuedSpinLock", "KeStackAttachProcess", "MmUnmapLockedPages",
                             "IoFreeMdl", "MmUnmapLockedPages", "IoFreeMdl", "KeUnstackDetachProcess",
                             "ExFreePoolWithTag", "ObfDereferenceObject", "ObfDereferenceObject", "ExFreePoolWithTag"));
}

}  // namespace
}  // namespace aegis::test
