// Two things at once, the second at a chosen point of the first: what a race would show once in many runs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "channel/ring_channel.hpp"
#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/registry/registry_activity.hpp"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/kernel_calls.hpp"
#include "driver/support/kernel_view.hpp"
#include "driver/support/registry.hpp"

namespace aegis::test {
namespace {

using testing::NiceMock;

constexpr std::uint32_t kCells = 64;

// For what happens at once on any machine, unless it never does.
constexpr std::chrono::seconds kForever{30};

// Another process tears the consumer down, and has not unmapped anything yet, when the owner exits: the exit waits
// until the teardown is through, for then the address space goes, and the verifier stops at a mapping in it.
// Catches: a consumer that no longer counts as one before it is gone, so that the exit finds nothing to wait for.
TEST(Interleaving, AnExitInTheMiddleOfATeardownWaitsForIt) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client owner(host);
    Client other(host);
    ASSERT_EQ(owner.open(), STATUS_SUCCESS);
    ASSERT_EQ(owner.duplicate_to(other), STATUS_SUCCESS);
    ASSERT_EQ(owner.setup().status, STATUS_SUCCESS);
    std::thread exit;
    std::thread::id exiting;
    std::promise<void> exit_waits_or_is_over;
    std::once_flag once;
    const auto let_teardown_go_on = [&] { std::call_once(once, [&] { exit_waits_or_is_over.set_value(); }); };
    NiceMock<KernelCalls> calls;
    ON_CALL(calls, call("ExAcquireFastMutex")).WillByDefault([&] {
        if (std::this_thread::get_id() == exiting) {
            let_teardown_go_on();
        }
    });
    ON_CALL(calls, call("MmUnmapLockedPages")).WillByDefault([&] {
        if (exit.joinable()) {
            return;
        }
        std::promise<void> started;
        exit = std::thread([&] {
            exiting = std::this_thread::get_id();
            started.set_value();
            owner.exit();
            let_teardown_go_on();
        });
        started.get_future().wait();
        EXPECT_EQ(exit_waits_or_is_over.get_future().wait_for(kForever), std::future_status::ready);
    });
    EXPECT_EQ(other.teardown(), STATUS_SUCCESS);
    exit.join();
    EXPECT_TRUE(owner.mappings().empty());
}

// Runs `action` on a thread of its own when this thread is about to wait for the table's lock, the first time.
class BeforeTheLock {
  public:
    explicit BeforeTheLock(const std::function<void()>& action) {
        ON_CALL(calls_, call("ExAcquireFastMutex")).WillByDefault([this, action, self = std::this_thread::get_id()] {
            if (std::this_thread::get_id() == self && !std::exchange(done_, true)) {
                std::thread(action).join();
            }
        });
    }

  private:
    bool done_ = false;
    NiceMock<KernelCalls> calls_;
};

// The last close comes between the request and the lock.
// Catches: a handle that is looked at before the lock is held.
TEST(Interleaving, ASetupThatWaitsForACleanupIsRefused) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const host::EventResult event = client.create_event();
    const BeforeTheLock before([&] { EXPECT_EQ(host->close(client.process(), client.device()), STATUS_SUCCESS); });
    EXPECT_EQ(client.setup(event.handle).status, STATUS_FILE_CLOSED);
    EXPECT_TRUE(client.mappings().empty());
}

// Catches: the limit looked at before the lock is held: two that come at once would both be the last.
TEST(Interleaving, AnOpenThatWaitsForTheLastHandleIsRefused) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client client(host);
    Client other(host);
    for (unsigned i = 1; i < AEGIS_MAX_HANDLES; ++i) {
        ASSERT_EQ(client.open(), STATUS_SUCCESS);
    }
    const BeforeTheLock before([&] { EXPECT_EQ(other.open(), STATUS_SUCCESS); });
    EXPECT_EQ(client.open(), STATUS_QUOTA_EXCEEDED);
    EXPECT_EQ(other.query().reply->Handles, AEGIS_MAX_HANDLES);
}

// Catches: a consumer that is looked for before the lock is held, and is another's by then.
TEST(Interleaving, ATeardownThatWaitsForAnotherFindsNothing) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client owner(host);
    Client other(host);
    ASSERT_EQ(owner.open(), STATUS_SUCCESS);
    ASSERT_EQ(owner.duplicate_to(other), STATUS_SUCCESS);
    ASSERT_EQ(owner.setup().status, STATUS_SUCCESS);
    const BeforeTheLock before([&] { EXPECT_EQ(other.teardown(), STATUS_SUCCESS); });
    EXPECT_EQ(owner.teardown(), STATUS_NOT_FOUND);
    EXPECT_TRUE(owner.mappings().empty());
}

// One callback is stopped, as by preemption, when it has passed the gate and has not asked for the lock yet.
// Catches: a gate that waits for whoever is inside for as long as that takes.
TEST(Interleaving, ACallbackThatIsStoppedInTheGateStopsNoOther) {
    host::Executive executive;
    driver::RingChannel channel;
    ASSERT_EQ(channel.create(kCells), STATUS_SUCCESS);
    const auto publish = [&] {
        const std::uint64_t payload = 0;
        channel.publish(AEGIS_EVENT_FILE_OP, kActivityTime, &payload, sizeof(payload));
    };
    std::thread::id stopped;
    std::thread other;
    std::promise<void> published;
    NiceMock<KernelCalls> calls;
    ON_CALL(calls, call("KeAcquireInStackQueuedSpinLock")).WillByDefault([&] {
        if (std::this_thread::get_id() == stopped) {
            other = std::thread([&] {
                publish();
                published.set_value();
            });
            EXPECT_EQ(published.get_future().wait_for(kForever), std::future_status::ready)
                << "the other one waits for this one";
        }
    });
    std::thread first([&] {
        stopped = std::this_thread::get_id();
        publish();
    });
    first.join();
    other.join();
    stopped = {};
    EXPECT_EQ(channel.counters().published, 2U);
    channel.destroy();
}

// A process, thread or image comes the moment a callback is registered, before the load goes on.
// Catches: what the callback needs, or counts in, set up after its registration.
TEST(Interleaving, ACallbackThatRunsAtOnceIsCounted) {
    TestHost host;
    {
        NiceMock<KernelCalls> calls;
        const auto create_process = [&host](std::uint32_t pid) {
            std::thread([&host, pid] { Activity(host).create(pid); }).join();
        };
        ON_CALL(calls, call("PsSetCreateProcessNotifyRoutine done")).WillByDefault([&] {
            create_process(kFirstFreePid);
        });
        ON_CALL(calls, call("PsSetCreateProcessNotifyRoutineEx2 done")).WillByDefault([&] {
            create_process(kFirstFreePid + 1);
        });
        ON_CALL(calls, call("PsSetCreateThreadNotifyRoutineEx done")).WillByDefault([&host] {
            host::ThreadCreation thread;
            thread.pid = kFirstFreePid + 1;
            thread.tid = kFirstFreePid + 5;
            thread.creator = kFirstFreePid;
            thread.creator_tid = kFirstFreePid + 4;
            thread.timestamp = kActivityTime;
            std::thread([&] { Activity(host).create_thread(thread); }).join();
        });
        ON_CALL(calls, call("PsSetLoadImageNotifyRoutineEx done")).WillByDefault([&host] {
            host::ImageLoad image;
            image.pid = kFirstFreePid + 1;
            image.loader = kFirstFreePid + 1;
            image.timestamp = kActivityTime;
            std::thread([&] { Activity(host).load_image(image); }).join();
        });
        ON_CALL(calls, call("ObRegisterCallbacks done")).WillByDefault([&host] {
            host::HandleOpen open;
            open.pid = kFirstFreePid;
            open.target = kFirstFreePid + 1;
            open.access = 1;
            open.timestamp = kActivityTime;
            std::thread([&] { host->raise_handle_open(open); }).join();
        });
        ON_CALL(calls, call("CmRegisterCallbackEx done")).WillByDefault([] {
            host::RegistryChange change;
            change.pid = kFirstFreePid + 1;
            change.key = u"\\x";
            change.timestamp = kActivityTime;
            std::thread([&] { host::report_registry_change(change); }).join();
        });
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    }
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const QueryResult query = client.query();
    for (const AEGIS_CALLBACK_HEALTH& row : query.reply->Callbacks) {
        if (row.Kind == 0) {
            continue;
        }
        EXPECT_EQ(row.Registered, 1U) << row.Kind;
        EXPECT_EQ(row.Status, STATUS_SUCCESS) << row.Kind;
        EXPECT_EQ(row.Seen, row.Kind == AEGIS_CALLBACK_OWNER_EXIT ? 2U : 1U) << row.Kind;
        EXPECT_EQ(row.LastEventTime, kActivityTime) << row.Kind;
    }
    const std::vector<ProcessEvent> events = events_in(client.pull(1 << 16).bytes);
    ASSERT_EQ(events.size(), 5U);
    EXPECT_EQ(key_text(events[4].registry()), u"\\x");
    EXPECT_EQ(events[0].payload.ProcessId, kFirstFreePid + 1);
    EXPECT_EQ(events[1].thread().ThreadId, kFirstFreePid + 5);
    EXPECT_EQ(events[2].image().ProcessId, kFirstFreePid + 1);
    EXPECT_EQ(events[3].handle().TargetProcessId, kFirstFreePid + 1);
}

// Other kernel code writes over the ring's header in the middle of a setup, after the driver has looked at it.
// Catches: a reply made of what the shared memory says.
TEST(Interleaving, ASetupTellsTheDriversOwnGeometry) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const SetupResult before = client.setup();
    ASSERT_EQ(before.status, STATUS_SUCCESS);
    ASSERT_EQ(client.teardown(), STATUS_SUCCESS);
    const host::EventResult event = client.create_event();
    AEGIS_RING_IDENTITY& identity = ring_in_the_kernel(host, kSmallRingCells)->Identity;
    SetupResult setup{};
    {
        NiceMock<KernelCalls> calls;
        ON_CALL(calls, call("ObReferenceObjectByHandle")).WillByDefault([&] {
            std::memset(&identity, 0x3C, sizeof(identity));
        });
        setup = client.setup(event.handle);
    }
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    EXPECT_EQ(setup.reply.RingBytes, before.reply.RingBytes);
    EXPECT_EQ(std::memcmp(&setup.reply.ConsumerPageBytes, &before.reply.ConsumerPageBytes,
                          sizeof(setup.reply) - offsetof(AEGIS_RING_SETUP_REPLY, ConsumerPageBytes)),
              0);
}

void NTAPI precise_time(PLARGE_INTEGER time) {
    time->QuadPart = 1001;
}

void NTAPI coarse_time(PLARGE_INTEGER time) {
    time->QuadPart = 1000;
}

// Catches: the coarse clock asked first, or taken where the precise one is there; a system without either let pass.
TEST(Clock, IsThePreciseOneWhereThereIsOne) {
    using Routine = void(NTAPI*)(PLARGE_INTEGER);
    struct Kernel {
        Routine precise;
        Routine coarse;
        std::int64_t time;
    };
    for (const Kernel& kernel : {Kernel{precise_time, coarse_time, 1001}, Kernel{precise_time, nullptr, 1001},
                                 Kernel{nullptr, coarse_time, 1000}, Kernel{nullptr, nullptr, 0}}) {
        TestHost host;
        NiceMock<KernelCalls> calls;
        calls.pretend_export("KeQuerySystemTimePrecise", reinterpret_cast<void*>(kernel.precise));
        calls.pretend_export("KeQuerySystemTime", reinterpret_cast<void*>(kernel.coarse));
        const NTSTATUS status = host.load_small();
        if (kernel.time == 0) {
            EXPECT_EQ(status, STATUS_PROCEDURE_NOT_FOUND);
            continue;
        }
        ASSERT_EQ(status, STATUS_SUCCESS);
        Client client(host);
        ASSERT_EQ(client.open(), STATUS_SUCCESS);
        Activity(host).create(kFirstFreePid);
        const std::vector<ProcessEvent> events = all_events_in(client.pull().bytes);
        ASSERT_FALSE(events.empty());
        EXPECT_EQ(events[0].header.Timestamp, kernel.time);
    }
}

}  // namespace
}  // namespace aegis::test
