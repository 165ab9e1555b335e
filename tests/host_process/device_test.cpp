// A client process and the device, through the socket: open, map, wait, pull, duplicate.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "device_client.hpp"
#include "driver/host/sources/synthetic_generator.hpp"
#include "eventually.hpp"
#include "forked_client.hpp"
#include "host_program.hpp"
#include "synthetic_published.hpp"

namespace aegis::test {
namespace {

using host::client::Event;
using host::client::EventKind;
using host::client::Handle;
using namespace host::client;

class DeviceTest : public testing::Test {
  protected:
    // Enough events for every test, few enough to be at rest at once.
    const std::uint64_t kEvents = published_of_synthetic(200, 7);
    HostProgram host_{{"--source", "synthetic:max,count=200", "--seed", "7"}};
    DeviceClient client_{host_.socket_path()};
};

// Catches: addresses of the reply not mapped when the call returns, or something else mapped there.
TEST_F(DeviceTest, TheAddressesOfTheReplyAreValidWhenTheCallReturns) {
    ASSERT_EQ(client_.status(), kStatusSuccess);
    const RingConsumer ring = client_.setup_ring();
    ASSERT_EQ(ring.status, kStatusSuccess);
    EXPECT_EQ(ring.header()->Identity.Magic, AEGIS_RING_MAGIC);
    EXPECT_EQ(ring.header()->Identity.CellCount, ring.reply.CellCount);
    EXPECT_TRUE(is_readable(ring.reply.RingAddress + ring.reply.RingBytes - 1));
    EXPECT_TRUE(eventually([&] { return ring.published() == kEvents; }));
    // What the client writes into its page is what the driver reports.
    __atomic_store_n(&ring.page()->Cursor, 150, __ATOMIC_RELEASE);
    NtStatus status = 0;
    const AEGIS_QUERY_REPLY reply = client_.query(status);
    EXPECT_EQ(status, kStatusSuccess);
    bool found = false;
    for (const AEGIS_CONSUMER_INFO& consumer : reply.Consumers) {
        if (consumer.Transport == AEGIS_TRANSPORT_RING) {
            EXPECT_EQ(consumer.ProcessId, static_cast<std::uint32_t>(getpid()));
            EXPECT_EQ(consumer.Cursor, 150U);
            EXPECT_EQ(consumer.Lag, kEvents - 150);
            found = true;
        }
    }
    EXPECT_TRUE(found);
}

// Catches: a ring mapped writable, a descriptor that allows it later, a seal left out.
TEST_F(DeviceTest, NothingMakesTheRingWritable) {
    ForkedClient intruder([&](Talk& talk) {
        DeviceClient client(host_.socket_path());
        const RingConsumer ring = client.setup_ring();
        auto* const address = reinterpret_cast<void*>(ring.reply.RingAddress);
        talk.say(mprotect(address, ring.reply.RingBytes, PROT_READ | PROT_WRITE) == 0);
        char name[64];
        std::snprintf(name, sizeof(name), "/proc/self/map_files/%lx-%lx", ring.reply.RingAddress,
                      ring.reply.RingAddress + ring.reply.RingBytes);
        const int again = open(name, O_RDWR);
        talk.say(again >= 0 && mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0) != MAP_FAILED);
        talk.say(again >= 0 && pwrite(again, "x", 1, 0) == 1);
        talk.say(again >= 0 && ftruncate(again, 0) == 0);
        // A sanitizer's handler would turn the signal into an exit of its own.
        std::signal(SIGSEGV, SIG_DFL);
        *static_cast<volatile char*>(address) = 1;
        return 0;
    });
    EXPECT_EQ(intruder.talk().hear(), 0U) << "mprotect";
    EXPECT_EQ(intruder.talk().hear(), 0U) << "mmap of the file reopened";
    EXPECT_EQ(intruder.talk().hear(), 0U) << "write to the file reopened";
    EXPECT_EQ(intruder.talk().hear(), 0U) << "ftruncate";
    const int status = intruder.wait();
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) << status;
    const RingConsumer ring = client_.setup_ring();
    EXPECT_EQ(ring.header()->Identity.Magic, AEGIS_RING_MAGIC);
}

// Catches: unmapping left out of the reply of a close.
TEST_F(DeviceTest, TheMappingsGoWithTheHandle) {
    const RingConsumer ring = client_.setup_ring();
    ASSERT_TRUE(is_readable(ring.reply.RingAddress));
    EXPECT_EQ(client_.connection().close(client_.device()), kStatusSuccess);
    EXPECT_FALSE(is_readable(ring.reply.RingAddress));
    EXPECT_FALSE(is_readable(ring.reply.ConsumerPageAddress));
    EXPECT_EQ(client_.connection().close(client_.device()), kStatusInvalidHandle);
}

// Catches: mappings of a process removed by another one that never reach it.
TEST_F(DeviceTest, AMappingWhoseLastHandleIsClosedElsewhereGoesToo) {
    RingConsumer ring = client_.setup_ring();
    ForkedClient other([&](Talk& talk) {
        DeviceClient client(host_.socket_path());
        talk.say(static_cast<std::uint64_t>(client.status()));
        const Handle duplicate = talk.hear();
        return succeeded(client.connection().close(duplicate)) ? 0 : 1;
    });
    ASSERT_EQ(other.talk().hear(), 0U);
    Handle duplicate = 0;
    ASSERT_EQ(client_.connection().duplicate(client_.device(), other.pid(), duplicate), kStatusSuccess);
    ASSERT_EQ(client_.connection().close(client_.device()), kStatusSuccess);
    EXPECT_TRUE(is_readable(ring.reply.RingAddress)) << "the duplicate keeps the mapping";
    other.talk().say(duplicate);
    EXPECT_EQ(other.exit_code(), 0);
    EXPECT_TRUE(eventually([&] {
        EXPECT_EQ(client_.connection().pump(), kStatusSuccess);
        return !is_readable(ring.reply.RingAddress) && !is_readable(ring.reply.ConsumerPageAddress);
    }));
}

// Catches: protection that does not reach from one process to another, or that keeps a process from itself.
TEST_F(DeviceTest, AProtectedProcessIsOpenedForALookAlone) {
    constexpr std::uint32_t kAllAccess = 0x1FFFFF;
    constexpr std::uint32_t kLook = 0x121410;
    ForkedClient other([&](Talk& talk) {
        DeviceClient client(host_.socket_path());
        for (int i = 0; i < 2; ++i) {
            Handle handle = 0;
            std::uint32_t granted = 0;
            const NtStatus status = client.connection().open_process(getppid(), kAllAccess, handle, granted);
            talk.say(succeeded(status) && succeeded(client.connection().close(handle)) ? granted : 0);
            talk.hear();
        }
        return 0;
    });
    EXPECT_EQ(other.talk().hear(), kAllAccess);
    AEGIS_PROTECT_REQUEST request{};
    request.Header = {AEGIS_CONTROL_VERSION, sizeof(request)};
    std::size_t returned = 0;
    ASSERT_EQ(client_.connection().device_io_control(client_.device(), AEGIS_IOCTL_PROTECT,
                                                     std::as_bytes(std::span(&request, 1)), {}, returned),
              kStatusSuccess);
    other.talk().say(0);
    EXPECT_EQ(other.talk().hear(), kLook);
    Handle handle = 0;
    std::uint32_t granted = 0;
    EXPECT_EQ(client_.connection().open_process(getpid(), kAllAccess, handle, granted), kStatusSuccess);
    EXPECT_EQ(granted, kAllAccess);
    EXPECT_EQ(client_.connection().open_process(1, kAllAccess, handle, granted), kStatusInvalidParameter)
        << "who is no client";
    other.talk().say(0);
    EXPECT_EQ(other.exit_code(), 0);
}

// Catches: an owner's mappings that outlive it in the driver because its handle lives on elsewhere (the
// verifier stops the host), and a duplicate that dies with the original.
TEST_F(DeviceTest, TheOwnerMayEndWhileItsHandleLivesOn) {
    ForkedClient owner([&](Talk& talk) {
        DeviceClient client(host_.socket_path());
        const RingConsumer ring = client.setup_ring();
        Handle duplicate = 0;
        const NtStatus status = client.connection().duplicate(client.device(), getppid(), duplicate);
        talk.say(succeeded(status) && succeeded(ring.status) ? duplicate : 0);
        talk.hear();
        return 0;
    });
    const Handle duplicate = owner.talk().hear();
    ASSERT_NE(duplicate, 0U);
    EXPECT_EQ(client_.ring_consumers_of(owner.pid()), 1U);
    owner.talk().say();
    owner.wait();
    EXPECT_TRUE(eventually([&] { return client_.ring_consumers_of(owner.pid()) == 0; }));
    const AEGIS_QUERY_REQUEST request = {{AEGIS_CONTROL_VERSION, sizeof(AEGIS_QUERY_REQUEST)}};
    AEGIS_QUERY_REPLY reply{};
    std::size_t returned = 0;
    EXPECT_EQ(
        client_.connection().device_io_control(duplicate, AEGIS_IOCTL_QUERY, std::as_bytes(std::span(&request, 1)),
                                               std::as_writable_bytes(std::span(&reply, 1)), returned),
        kStatusSuccess);
    EXPECT_EQ(client_.connection().close(duplicate), kStatusSuccess);
}

// Catches: another user served as a process of this one.
TEST_F(DeviceTest, OnlyTheSameUserOrRootMayDuplicate) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root to become another user";
    }
    ForkedClient stranger([&](Talk& talk) {
        if (setuid(65534) != 0) {
            return 2;
        }
        std::unique_ptr<Connection> connection;
        Event event;
        if (!succeeded(Connection::connect(host_.socket_path(), connection)) ||
            !succeeded(connection->create_event(EventKind::kAutoReset, event))) {
            return 3;
        }
        Handle duplicate = 0;
        talk.say(static_cast<std::uint32_t>(connection->duplicate(event.handle(), getppid(), duplicate)));
        talk.hear();
        return 0;
    });
    EXPECT_EQ(stranger.talk().hear(), static_cast<std::uint32_t>(kStatusAccessDenied));
    Event event;
    ASSERT_EQ(client_.connection().create_event(EventKind::kAutoReset, event), kStatusSuccess);
    Handle duplicate = 0;
    EXPECT_EQ(client_.connection().duplicate(event.handle(), stranger.pid(), duplicate), kStatusSuccess);
    EXPECT_EQ(client_.connection().duplicate(event.handle(), 1, duplicate), kStatusInvalidParameter);
    EXPECT_EQ(client_.connection().duplicate(0x7777, stranger.pid(), duplicate), kStatusInvalidHandle);
    stranger.talk().say();
    EXPECT_EQ(stranger.exit_code(), 0);
}

// Catches: the socket's permissions taken for the device's, or everybody for an administrator.
TEST_F(DeviceTest, AnOrdinaryUserIsRefusedTheDevice) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root to become another user";
    }
    ForkedClient stranger([&](Talk& talk) {
        if (setuid(65534) != 0) {
            return 2;
        }
        for (const std::uint32_t access : {kGenericRead, kGenericWrite, kGenericRead | kGenericWrite}) {
            talk.say(static_cast<std::uint32_t>(DeviceClient(host_.socket_path(), access).status()));
        }
        return 0;
    });
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(stranger.talk().hear(), static_cast<std::uint32_t>(kStatusAccessDenied));
    }
    EXPECT_EQ(stranger.exit_code(), 0);
}

// Catches: output cut off, shifted, or taken from an earlier call.
TEST_F(DeviceTest, APullReturnsTheEventsOfTheSource) {
    host::sources::SyntheticGenerator generator(7);
    std::uint64_t seen = 0;
    EXPECT_TRUE(eventually([&] {
        for (const std::vector<std::byte>& bytes : client_.pull()) {
            AEGIS_EVENT_HEADER header;
            AEGIS_PROCESS_PAYLOAD payload;
            std::memcpy(&header, bytes.data(), sizeof(header));
            EXPECT_EQ(header.Sequence, ++seen);
            if (header.Type == AEGIS_EVENT_PROCESS_DETAILS) {
                EXPECT_EQ(bytes.size(), AEGIS_DETAILS_EVENT_SIZE);
                continue;
            }
            const host::sources::SyntheticEvent expected = generator.next();
            EXPECT_EQ(bytes.size(), sizeof(header) + sizeof(payload));
            std::memcpy(&payload, bytes.data() + sizeof(header), sizeof(payload));
            EXPECT_EQ(header.Type, expected.is_start ? AEGIS_EVENT_PROCESS_CREATE : AEGIS_EVENT_PROCESS_EXIT);
            EXPECT_EQ(payload.ProcessId, expected.pid);
            EXPECT_EQ(payload.CreatingProcessId, expected.creator);
        }
        return seen == kEvents;
    }));
}

TEST_F(DeviceTest, WrongNamesHandlesAndCodesGetTheirStatus) {
    Handle handle = 0;
    EXPECT_EQ(client_.connection().open_file("\\??\\NoSuchDevice", kGenericRead, handle), kStatusObjectNameNotFound);
    EXPECT_EQ(handle, 0U);
    EXPECT_EQ(client_.connection().open_file(std::string(2000, 'x'), kGenericRead, handle), kStatusObjectNameInvalid);
    EXPECT_EQ(client_.connection().open_file("\\??\\\xFF", kGenericRead, handle), kStatusObjectNameInvalid);
    EXPECT_EQ(client_.connection().close(0x4444), kStatusInvalidHandle);
    std::size_t returned = 0;
    EXPECT_EQ(client_.connection().device_io_control(client_.device(), 0x22AAAA, {}, {}, returned),
              nt_status(0xC0000010));
    EXPECT_EQ(client_.connection().device_io_control(0x4444, AEGIS_IOCTL_QUERY, {}, {}, returned),
              kStatusInvalidHandle);
    const std::vector<std::byte> huge(std::size_t{300} * 1024);
    EXPECT_EQ(client_.connection().device_io_control(client_.device(), AEGIS_IOCTL_QUERY, huge, {}, returned),
              kStatusInvalidBufferSize);
}

// Catches: buffers of the longest kind refused by the socket.
TEST_F(DeviceTest, TheLongestBuffersPass) {
    std::vector<std::byte> input(std::size_t{256} * 1024);
    constexpr std::uint32_t kVersion = AEGIS_CONTROL_VERSION;
    std::memcpy(input.data(), &kVersion, sizeof(kVersion));
    std::vector<std::byte> output(std::size_t{1024} * 1024);
    std::size_t returned = 0;
    EXPECT_EQ(
        client_.connection().device_io_control(client_.device(), AEGIS_IOCTL_RING_TEARDOWN, input, output, returned),
        nt_status(0xC0000004));
    EXPECT_TRUE(eventually([&] {
        EXPECT_EQ(
            client_.connection().device_io_control(client_.device(), AEGIS_IOCTL_GET_EVENTS, {}, output, returned),
            kStatusSuccess);
        return returned > 0;
    }));
}

// Catches: connections of one process taken for several processes, calls of one blocking the others.
TEST_F(DeviceTest, ConnectionsOfOneProcessShareItsHandles) {
    std::vector<std::unique_ptr<Connection>> connections(4);
    for (auto& connection : connections) {
        ASSERT_EQ(Connection::connect(host_.socket_path(), connection), kStatusSuccess);
    }
    std::vector<std::thread> threads;
    threads.reserve(connections.size());
    std::atomic<int> failures{0};
    for (auto& connection : connections) {
        threads.emplace_back([&, user = connection.get()] {
            for (int i = 0; i < 200; ++i) {
                const AEGIS_QUERY_REQUEST request = {{AEGIS_CONTROL_VERSION, sizeof(AEGIS_QUERY_REQUEST)}};
                AEGIS_QUERY_REPLY reply{};
                std::size_t returned = 0;
                const NtStatus status =
                    user->device_io_control(client_.device(), AEGIS_IOCTL_QUERY, std::as_bytes(std::span(&request, 1)),
                                            std::as_writable_bytes(std::span(&reply, 1)), returned);
                failures += !succeeded(status) || returned != sizeof(reply) || reply.Handles != 1;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(failures, 0);
}

// Catches: one connection's end taken for the process's; and handles that stay when the last one goes.
TEST_F(DeviceTest, AProcessLosesItsHandlesWithItsLastConnection) {
    DeviceClient second(host_.socket_path());
    const RingConsumer ring = second.setup_ring();
    ASSERT_EQ(ring.status, kStatusSuccess);
    second.disconnect();
    EXPECT_EQ(client_.ring_consumers_of(getpid()), 1U) << "the process has another connection";
    EXPECT_TRUE(is_readable(ring.reply.RingAddress));
    client_.disconnect();
    EXPECT_FALSE(is_readable(ring.reply.RingAddress));
    ForkedClient observer([&](Talk&) {
        DeviceClient client(host_.socket_path());
        return eventually([&] { return client.ring_consumers_of(getppid()) == 0; }) ? 0 : 1;
    });
    EXPECT_EQ(observer.exit_code(), 0);
    DeviceClient again(host_.socket_path());
    EXPECT_EQ(again.status(), kStatusSuccess);
    EXPECT_EQ(again.setup_ring().status, kStatusSuccess);
}

// Catches: a wait that loses the signal, one that a stop cannot end, and a timeout that never comes.
TEST_F(DeviceTest, AWaitEndsBySignalInterruptOrTimeout) {
    RingConsumer ring = client_.setup_ring();
    EXPECT_TRUE(eventually([&] { return ring.published() == kEvents; }));
    const host::UniqueFd stop(eventfd(0, EFD_CLOEXEC));
    EXPECT_EQ(client_.connection().wait(ring.event, std::chrono::milliseconds(5), stop.get()), kStatusTimeout);
    const std::uint64_t one = 1;
    ASSERT_EQ(write(stop.get(), &one, sizeof(one)), 8);
    EXPECT_EQ(client_.connection().wait(ring.event, kForever, stop.get()), kStatusAlerted);
    EXPECT_EQ(client_.connection().wait(ring.event, std::chrono::milliseconds(1)), kStatusTimeout);
    ASSERT_EQ(client_.connection().close(ring.event.handle()), kStatusSuccess);
    EXPECT_EQ(client_.connection().close(client_.device()), kStatusSuccess);
    EXPECT_EQ(client_.connection().wait(ring.event, kForever), kStatusInvalidHandle);
}

// Catches: kinds of events mixed up.
TEST(DeviceEvents, ASignalLastsAsLongAsItsKindSays) {
    HostProgram host({"--source", "synthetic:200"});
    for (const EventKind kind : {EventKind::kAutoReset, EventKind::kManualReset}) {
        DeviceClient client(host.socket_path());
        const RingConsumer ring = client.setup_ring(kind);
        ASSERT_EQ(ring.status, kStatusSuccess);
        __atomic_store_n(&ring.page()->WakeAt, ring.published() + 1, __ATOMIC_SEQ_CST);
        ASSERT_EQ(client.connection().wait(ring.event, kForever), kStatusSuccess);
        const bool manual = kind == EventKind::kManualReset;
        EXPECT_EQ(client.connection().wait(ring.event, std::chrono::nanoseconds(0)),
                  manual ? kStatusSuccess : kStatusTimeout);
        Connection::reset_event(ring.event);
        EXPECT_EQ(client.connection().wait(ring.event, std::chrono::nanoseconds(0)), kStatusTimeout);
    }
}

// As many signals as waiters, one after the other: had one of them released two, the last would be left over.
// Catches: a signal of an auto-reset event that several of a client's threads take; one of a manual-reset event that
// the first of them takes.
TEST(DeviceEvents, ASignalReleasesOneOfManyWaitersOrAllOfThem) {
    constexpr int kWaiters = 64;
    HostProgram host({"--source", "synthetic:200"});
    for (const EventKind kind : {EventKind::kAutoReset, EventKind::kManualReset}) {
        DeviceClient client(host.socket_path());
        const RingConsumer ring = client.setup_ring(kind);
        ASSERT_EQ(ring.status, kStatusSuccess);
        std::atomic<int> released = 0;
        std::vector<std::thread> waiters;
        for (int waiter = 0; waiter < kWaiters; ++waiter) {
            waiters.emplace_back([&] {
                if (client.connection().wait(ring.event, std::chrono::seconds(60)) == kStatusSuccess) {
                    released.fetch_add(1);
                }
            });
        }
        const bool manual = kind == EventKind::kManualReset;
        for (int signal = manual ? kWaiters : 1; signal <= kWaiters; ++signal) {
            __atomic_store_n(&ring.page()->WakeAt, ring.published() + 1, __ATOMIC_SEQ_CST);
            EXPECT_TRUE(eventually([&] { return released.load() >= signal; }));
            EXPECT_EQ(released.load(), signal);
        }
        for (std::thread& waiter : waiters) {
            waiter.join();
        }
        EXPECT_EQ(client.connection().wait(ring.event, std::chrono::nanoseconds(0)),
                  manual ? kStatusSuccess : kStatusTimeout);
    }
}

// Catches: the end of the event's descriptor, which is readable too, taken for a signal.
TEST_F(DeviceTest, AnEventWhoseHandleIsClosedIsNotSignalled) {
    for (const EventKind kind : {EventKind::kAutoReset, EventKind::kManualReset}) {
        Event event;
        ASSERT_EQ(client_.connection().create_event(kind, event), kStatusSuccess);
        ASSERT_EQ(client_.connection().close(event.handle()), kStatusSuccess);
        EXPECT_EQ(client_.connection().wait(event, kForever), kStatusInvalidHandle);
    }
}

// The host may still be busy with the end of the connection before when the next one is there.
// Catches: handles of the new connection closed with those of the old one.
TEST_F(DeviceTest, AProcessThatConnectsAgainAtOnceKeepsItsNewHandles) {
    client_.disconnect();
    for (int i = 0; i < 50; ++i) {
        DeviceClient again(host_.socket_path());
        ASSERT_EQ(again.status(), kStatusSuccess) << i;
        ASSERT_EQ(again.setup_ring().status, kStatusSuccess) << i;
        ASSERT_EQ(again.connection().close(again.device()), kStatusSuccess) << i;
    }
}

// Catches: a waiter that sleeps through the host's end; a ring that is gone before it is drained.
TEST(DeviceEnd, AWaiterLearnsThatTheHostGoesAndCanDrainTheRing) {
    for (const int signal : {SIGTERM, SIGKILL}) {
        HostProgram host({"--source", "synthetic:max,count=50", "--stop-timeout", "0"});
        DeviceClient client(host.socket_path());
        const RingConsumer ring = client.setup_ring();
        const std::uint64_t published = published_of_synthetic(50);
        EXPECT_TRUE(eventually([&] { return ring.published() == published; }));
        std::thread killer([&] { host.end(signal); });
        EXPECT_EQ(client.connection().wait(ring.event, kForever), kStatusDeviceRemoved);
        killer.join();
        EXPECT_TRUE(client.connection().host_gone());
        EXPECT_EQ(ring.published(), published);
        NtStatus status = 0;
        client.query(status);
        EXPECT_EQ(status, kStatusDeviceRemoved);
        if (signal == SIGTERM) {
            EXPECT_EQ(WEXITSTATUS(host.end(0)), 0) << host.errors();
        }
        client.disconnect();
        EXPECT_FALSE(is_readable(ring.reply.RingAddress));
    }
}

}  // namespace
}  // namespace aegis::test
