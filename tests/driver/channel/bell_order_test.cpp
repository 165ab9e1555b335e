// What a consumer finds that is woken: asked at each KeSetEvent, before the event is signalled, and, of what a consumer
// looks at that arms its bell too late to be woken, when a bell is taken down. A bell that comes too early ends a sleep
// for nothing, and the sleep after it has no end.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "channel/ring_channel.hpp"
#include "driver/host/executive/executive.hpp"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/kernel_calls.hpp"

namespace aegis::test {
namespace {

using testing::NiceMock;

// Catches: the bells rung before the event is published, or for a count that is not there yet.
TEST(BellOrder, WhatWasAskedForCanBeReadWhenTheBellRings) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const host::EventResult event = client.create_event();
    const SetupResult setup = client.setup(event.handle);
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    ring::Consumer<> reader(ring_of(setup.reply), {});
    ring::EventBuffer buffer;
    std::uint64_t asked_for = 0;
    unsigned rung = 0;
    NiceMock<KernelCalls> calls;
    ON_CALL(calls, call("KeSetEvent")).WillByDefault([&] {
        ++rung;
        while (reader.cursor() < asked_for) {
            ASSERT_EQ(reader.read(buffer), ring::ReadStatus::kEvent) << "woken for " << asked_for;
        }
        EXPECT_GE(reader.memory().load_published(), asked_for);
    });
    Activity activity(host);
    // One event, as a process's start is not.
    host::ThreadCreation thread;
    thread.pid = kFirstFreePid;
    thread.tid = kFirstFreePid + 4;
    for (unsigned batch = 1; batch <= 5; ++batch) {
        asked_for = reader.cursor() + batch;
        consumer_page_of(setup.reply)->WakeAt = asked_for;
        for (unsigned i = 0; i < batch; ++i) {
            EXPECT_EQ(rung, batch - 1);
            activity.create_thread(thread);
        }
        EXPECT_EQ(rung, batch);
        EXPECT_EQ(reader.cursor(), asked_for);
    }
}

// Catches: bells taken down for a loss that the counter does not show yet: who arms one after that look, and before the
// count, would find nothing and sleep on.
TEST(BellOrder, ALossIsCountedWhenItsBellIsTakenDownAndWhenItRings) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const host::EventResult event = client.create_event();
    const SetupResult setup = client.setup(event.handle);
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    const ring::RingMemory<> memory = ring_of(setup.reply);
    auto request = make_request<AEGIS_SOURCE_LOSS_REQUEST>();
    request.Count = 7;
    unsigned taken_down = 0;
    unsigned rung = 0;
    NiceMock<KernelCalls> calls;
    ON_CALL(calls, call("ExAcquireRundownProtection")).WillByDefault([&] {
        ++taken_down;
        EXPECT_EQ(memory.load_lost_before(AEGIS_LOST_SOURCE), 7U * taken_down);
    });
    ON_CALL(calls, call("KeSetEvent")).WillByDefault([&] {
        ++rung;
        EXPECT_EQ(memory.load_lost_before(AEGIS_LOST_SOURCE), 7U * rung);
    });
    for (unsigned report = 1; report <= 3; ++report) {
        consumer_page_of(setup.reply)->WakeAt = 1000;
        ASSERT_EQ(
            host->internal_device_control(u"\\Device\\AegisMon", AEGIS_IOCTL_SOURCE_LOSS, bytes_of(request), {}).status,
            STATUS_SUCCESS);
        EXPECT_EQ(taken_down, report);
        EXPECT_EQ(rung, report);
    }
}

// What a publish asks of the kernel, from the gate on, and at which IRQL it is when that is told.
class PublishCalls : public testing::Test {
  protected:
    using Call = std::pair<std::string, int>;

    void SetUp() override {
        ASSERT_EQ(channel_.create(64), STATUS_SUCCESS);
        KeInitializeEvent(&event_, SynchronizationEvent, FALSE);
        target_.initialize(&event_);
        ASSERT_TRUE(channel_.add_doorbell(&wake_at_, &target_));
    }

    void TearDown() override {
        channel_.remove_doorbell(&wake_at_, &target_);
        channel_.destroy();
    }

    std::vector<Call> calls_of_a_publish() {
        std::vector<Call> heard;
        NiceMock<KernelCalls> calls;
        ON_CALL(calls, call(testing::_)).WillByDefault([&](const std::string& name) {
            heard.emplace_back(name, KeGetCurrentIrql());
        });
        const std::uint64_t payload = 0;
        EXPECT_TRUE(channel_.publish(AEGIS_EVENT_FILE_OP, kActivityTime, &payload, sizeof(payload)));
        return heard;
    }

    host::Executive executive_;
    driver::RingChannel channel_;
    KEVENT event_{};
    driver::WakeTarget target_;
    std::atomic<std::uint64_t> wake_at_ = AEGIS_WAKE_NEVER;
};

// Most publishes wake nobody. Catches: one that pays for a wake all the same.
TEST_F(PublishCalls, OfOneThatRingsNoBellAreItsLocks) {
    for (int i = 0; i < 3; ++i) {
        EXPECT_THAT(calls_of_a_publish(), testing::ElementsAre(Call("KeAcquireInStackQueuedSpinLock", PASSIVE_LEVEL),
                                                               Call("KeReleaseInStackQueuedSpinLock", PASSIVE_LEVEL)));
    }
}

// Whoever took a bell down has to ring it, because nobody else will: nothing may preempt it before it has.
// Catches: the IRQL lowered between the lock and the signal, or not lowered at the end; a signal under the lock.
TEST_F(PublishCalls, OfOneThatRingsABellAreNotPreempted) {
    for (std::uint64_t i = 1; i <= 3; ++i) {
        wake_at_ = i;
        EXPECT_THAT(
            calls_of_a_publish(),
            testing::ElementsAre(Call("KeAcquireInStackQueuedSpinLock", PASSIVE_LEVEL),
                                 Call("ExAcquireRundownProtection", DISPATCH_LEVEL),
                                 Call("KeAcquireSpinLockRaiseToDpc", DISPATCH_LEVEL),
                                 Call("KeReleaseInStackQueuedSpinLockFromDpcLevel", DISPATCH_LEVEL),
                                 Call("KeSetEvent", DISPATCH_LEVEL), Call("KeReleaseSpinLock", DISPATCH_LEVEL)));
        EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    }
}

// In a callback that runs at DISPATCH_LEVEL already. Catches: an IRQL that is lowered further than it was raised.
TEST_F(PublishCalls, LeaveTheIrqlAsItWas) {
    for (const std::uint64_t wake_at : {std::uint64_t{1}, std::uint64_t{AEGIS_WAKE_NEVER}}) {
        wake_at_ = wake_at;
        KSPIN_LOCK lock = 0;
        const KIRQL before = KeAcquireSpinLockRaiseToDpc(&lock);
        calls_of_a_publish();
        EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
        KeReleaseSpinLock(&lock, before);
    }
    EXPECT_EQ(KeReadStateEvent(&event_), 1);
}

// A channel with a sleeper, which ends.
class EndingChannel : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(channel_.create(64), STATUS_SUCCESS);
        KeInitializeEvent(&event_, SynchronizationEvent, FALSE);
        target_.initialize(&event_);
        ASSERT_TRUE(channel_.add_doorbell(&wake_at_, &target_));
        const auto expect_closing = [this](unsigned& count) {
            ++count;
            EXPECT_EQ(channel_.memory().load_state(), AEGIS_RING_CLOSING);
        };
        ON_CALL(calls_, call("ExAcquireRundownProtection")).WillByDefault([=, this] { expect_closing(taken_down_); });
        ON_CALL(calls_, call("KeSetEvent")).WillByDefault([=, this] { expect_closing(rung_); });
    }

    void TearDown() override {
        EXPECT_EQ(taken_down_, 1U);
        EXPECT_EQ(rung_, 1U);
        channel_.remove_doorbell(&wake_at_, &target_);
        channel_.destroy();
    }

    host::Executive executive_{{[](ULONG, std::string_view) {}}};
    driver::RingChannel channel_;
    KEVENT event_{};
    driver::WakeTarget target_;
    std::atomic<std::uint64_t> wake_at_ = 1000;
    unsigned taken_down_ = 0;
    unsigned rung_ = 0;
    NiceMock<KernelCalls> calls_;
};

// Both catch: bells taken down, or sleepers woken, before the mark that tells them why.
TEST_F(EndingChannel, SaysThatNothingFollowsWhenTheLastBellRings) {
    channel_.fail("a test says so");
}

TEST_F(EndingChannel, SaysSoWhenItsHeaderIsBroken) {
    static_cast<AEGIS_RING_HEADER*>(channel_.region())->Identity.Magic = 0;
    EXPECT_FALSE(channel_.verify());
}

// The page is the client's from the moment it is mapped, before the setup has answered: it may arm at once, and an
// event may come.
// Catches: a bell that is registered before it is known whom it wakes.
TEST(BellOrder, AConsumerThatArmsBeforeItsSetupHasAnsweredIsWoken) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const host::EventResult event = client.create_event();
    std::atomic<bool> armed = false;
    {
        NiceMock<KernelCalls> calls;
        // At the first release of the publish lock after both mappings are there: that of the registration.
        ON_CALL(calls, call("KeReleaseInStackQueuedSpinLock")).WillByDefault([&] {
            const std::vector<host::UserMapping> mappings = client.mappings();
            if (mappings.size() != 2 || armed.exchange(true)) {
                return;
            }
            const host::UserMapping& page = mappings[mappings[0].writable ? 0 : 1];
            reinterpret_cast<AEGIS_CONSUMER_PAGE*>(page.address)->WakeAt = 1;
            // On a thread of its own: another process's creation.
            std::thread([&] { Activity(host).create(kFirstFreePid); }).join();
        });
        ASSERT_EQ(client.setup(event.handle).status, STATUS_SUCCESS);
    }
    EXPECT_TRUE(armed);
    EXPECT_TRUE(client.take_signal(event));
    EXPECT_EQ(client.query().reply->Consumers[0].Wakeups, 1U);
}

}  // namespace
}  // namespace aegis::test
