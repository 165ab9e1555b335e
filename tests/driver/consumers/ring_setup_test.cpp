// Ring setup and teardown: what the reply says, what is mapped, what is undone.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <sys/wait.h>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {
namespace {

class RingSetup : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load_small(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(), STATUS_SUCCESS);
    }

    TestHost host_;
    Activity activity_{host_};
    Client client_{host_};
};

// Asks the kernel instead of trying: a read into a page that is not writable fails.
bool is_writable(std::uint64_t address) {
    std::array<int, 2> ends;
    EXPECT_EQ(::pipe(ends.data()), 0);
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
    char before;
    std::memcpy(&before, reinterpret_cast<const void*>(address), 1);
    const ssize_t got = ::read(ends[0], reinterpret_cast<void*>(address), 1);
    const bool writable = got == 1;
    EXPECT_TRUE(writable || errno == EFAULT);
    if (writable) {
        std::memcpy(reinterpret_cast<void*>(address), &before, 1);
    }
    ::close(ends[0]);
    ::close(ends[1]);
    return writable;
}

// The signal that a child dies of which writes to `address`; 0 when it survives.
int signal_of_a_write_to(std::uint64_t address) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGSEGV, SIG_DFL);
        *reinterpret_cast<volatile std::uint64_t*>(address) = 1;
        ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST_F(RingSetup, TheReplySaysWhereTheRegionsAreAndHowTheyAreLaidOut) {
    const SetupResult setup = client_.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    EXPECT_EQ(setup.information, sizeof(AEGIS_RING_SETUP_REPLY));
    const AEGIS_RING_SETUP_REPLY& reply = setup.reply;
    EXPECT_EQ(reply.Version, AEGIS_CONTROL_VERSION);
    EXPECT_EQ(reply.Bytes, sizeof(reply));
    EXPECT_EQ(reply.RingBytes, ring::region_bytes(kSmallRingCells));
    EXPECT_EQ(reply.ConsumerPageBytes, AEGIS_CONSUMER_PAGE_BYTES);
    EXPECT_EQ(reply.HeaderBytes, AEGIS_RING_HEADER_BYTES);
    EXPECT_EQ(reply.CellBytes, AEGIS_CELL_BYTES);
    EXPECT_EQ(reply.CellCount, kSmallRingCells);
    EXPECT_EQ(reply.AbiMajor, AEGIS_RING_ABI_MAJOR);
    EXPECT_EQ(reply.AbiMinor, AEGIS_RING_ABI_MINOR);
    const AEGIS_RING_IDENTITY identity = ring::load_identity(reinterpret_cast<void*>(reply.RingAddress));
    EXPECT_EQ(std::memcmp(reply.SessionId, identity.SessionId, sizeof(reply.SessionId)), 0);
    EXPECT_EQ(identity.RegionBytes, reply.RingBytes);
}

// Catches: another access for one of the two, execute allowed, a third mapping.
TEST_F(RingSetup, MapsTheRingReadOnlyAndThePageReadWriteAndNothingElse) {
    const SetupResult setup = client_.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    const std::vector<host::UserMapping> mappings = client_.mappings();
    ASSERT_EQ(mappings.size(), 2U);
    for (const host::UserMapping& mapping : mappings) {
        EXPECT_FALSE(mapping.executable);
        if (mapping.address == setup.reply.RingAddress) {
            EXPECT_EQ(mapping.bytes, setup.reply.RingBytes);
            EXPECT_FALSE(mapping.writable);
        } else {
            EXPECT_EQ(mapping.address, setup.reply.ConsumerPageAddress);
            EXPECT_EQ(mapping.bytes, setup.reply.ConsumerPageBytes);
            EXPECT_TRUE(mapping.writable);
        }
    }
}

TEST_F(RingSetup, AWriteIntoTheRingFaults) {
    const SetupResult setup = client_.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    EXPECT_FALSE(is_writable(setup.reply.RingAddress));
    EXPECT_FALSE(is_writable(setup.reply.RingAddress + setup.reply.RingBytes - 1));
    EXPECT_EQ(signal_of_a_write_to(setup.reply.RingAddress), SIGSEGV);
    EXPECT_EQ(signal_of_a_write_to(setup.reply.RingAddress + setup.reply.RingBytes - 8), SIGSEGV);
    EXPECT_TRUE(is_writable(setup.reply.ConsumerPageAddress));
    EXPECT_EQ(signal_of_a_write_to(setup.reply.ConsumerPageAddress), 0);
    // The ring is as it was.
    activity_.come_and_go(1);
    ring::Consumer<> consumer(ring_of(setup.reply), {});
    EXPECT_EQ(drain(consumer).size(), 2U);
}

TEST_F(RingSetup, AConsumerPageStartsAwakeAndZero) {
    const SetupResult setup = client_.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    AEGIS_CONSUMER_PAGE expected{};
    expected.WakeAt = AEGIS_WAKE_NEVER;
    EXPECT_EQ(std::memcmp(consumer_page_of(setup.reply), &expected, sizeof(expected)), 0);
}

TEST_F(RingSetup, EachConsumerHasAPageOfItsOwnAndTheSameRing) {
    Client second(host_);
    ASSERT_EQ(second.open(), STATUS_SUCCESS);
    const SetupResult one = client_.setup();
    const SetupResult two = second.setup();
    ASSERT_EQ(one.status, STATUS_SUCCESS);
    ASSERT_EQ(two.status, STATUS_SUCCESS);
    consumer_page_of(one.reply)->Cursor = 77;
    EXPECT_EQ(consumer_page_of(two.reply)->Cursor, 0U);
    activity_.come_and_go(3);
    ring::Consumer<> first_reader(ring_of(one.reply), {});
    ring::Consumer<> second_reader(ring_of(two.reply), {});
    EXPECT_EQ(drain(first_reader).size(), 6U);
    EXPECT_EQ(drain(second_reader).size(), 6U);
}

// Nothing but what the layout names is in the region: reserved bytes, unused cells and cell tails are zero.
// Catches: a region that is not zeroed.
TEST_F(RingSetup, TheRegionHoldsNoByteThatWasNotPublished) {
    const SetupResult setup = client_.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    // A thread's start is one event; a process's has its details beside it.
    host::ThreadCreation thread;
    thread.pid = kFirstFreePid;
    thread.tid = kFirstFreePid + 4;
    activity_.create_thread(thread);
    const auto* bytes = reinterpret_cast<const unsigned char*>(setup.reply.RingAddress);
    const auto* header = reinterpret_cast<const AEGIS_RING_HEADER*>(bytes);
    AEGIS_RING_HEADER expected{};
    expected.Identity = header->Identity;
    std::memset(expected.Identity.Reserved, 0, sizeof(expected.Identity.Reserved));
    expected.Published = 1;
    expected.State = AEGIS_RING_RUNNING;
    EXPECT_EQ(std::memcmp(header, &expected, sizeof(expected)), 0);
    for (std::size_t i = sizeof(*header); i < AEGIS_RING_HEADER_BYTES; ++i) {
        ASSERT_EQ(bytes[i], 0) << i;
    }
    const std::size_t event_end =
        AEGIS_RING_HEADER_BYTES + AEGIS_CELL_HEADER_BYTES + sizeof(AEGIS_EVENT_HEADER) + sizeof(AEGIS_THREAD_PAYLOAD);
    for (std::size_t i = event_end; i < setup.reply.RingBytes; ++i) {
        ASSERT_EQ(bytes[i], 0) << i;
    }
}

TEST_F(RingSetup, TeardownUnmapsBothRegions) {
    ASSERT_EQ(client_.setup().status, STATUS_SUCCESS);
    EXPECT_EQ(client_.teardown(), STATUS_SUCCESS);
    EXPECT_TRUE(client_.mappings().empty());
    EXPECT_EQ(client_.query().reply->Consumers[0].Transport, 0U);
}

TEST_F(RingSetup, CanBeRepeatedAfterTeardown) {
    const host::EventResult event = client_.create_event();
    for (int round = 0; round < 50; ++round) {
        ASSERT_EQ(client_.setup(event.handle).status, STATUS_SUCCESS) << round;
        ASSERT_EQ(client_.teardown(), STATUS_SUCCESS) << round;
    }
    EXPECT_EQ(host_->close(client_.process(), event.handle), STATUS_SUCCESS);
}

TEST_F(RingSetup, TwiceOnAHandleIsRefusedAndChangesNothing) {
    const SetupResult first = client_.setup();
    ASSERT_EQ(first.status, STATUS_SUCCESS);
    const SetupResult second = client_.setup();
    EXPECT_EQ(second.status, STATUS_ALREADY_REGISTERED);
    EXPECT_EQ(second.information, 0U);
    EXPECT_EQ(client_.mappings().size(), 2U);
    activity_.come_and_go(1);
    ring::Consumer<> consumer(ring_of(first.reply), {});
    EXPECT_EQ(drain(consumer).size(), 2U);
}

TEST_F(RingSetup, TeardownWithoutSetupIsRefused) {
    EXPECT_EQ(client_.teardown(), STATUS_NOT_FOUND);
    ASSERT_EQ(client_.setup().status, STATUS_SUCCESS);
    EXPECT_EQ(client_.teardown(), STATUS_SUCCESS);
    EXPECT_EQ(client_.teardown(), STATUS_NOT_FOUND);
}

TEST_F(RingSetup, OneProcessMayHaveSeveralConsumers) {
    const host::ProcessHandle first = client_.device();
    ASSERT_EQ(client_.setup().status, STATUS_SUCCESS);
    ASSERT_EQ(client_.open(), STATUS_SUCCESS);
    ASSERT_EQ(client_.setup().status, STATUS_SUCCESS);
    EXPECT_EQ(client_.mappings().size(), 4U);
    EXPECT_EQ(client_.teardown(), STATUS_SUCCESS);
    EXPECT_EQ(client_.mappings().size(), 2U);
    client_.use(first);
    EXPECT_EQ(client_.teardown(), STATUS_SUCCESS);
    EXPECT_TRUE(client_.mappings().empty());
}

// Catches: a failure of the second mapping that leaves the first, the page, the owner's or the event's reference.
TEST_F(RingSetup, AnAddressSpaceWithoutRoomIsReportedAndNothingIsLeft) {
    for (const std::uint32_t room : {0U, 1U}) {
        Client cramped(host_, host::Account::kAdministrator, room);
        ASSERT_EQ(cramped.open(), STATUS_SUCCESS);
        const host::EventResult event = cramped.create_event();
        for (int i = 0; i < 3; ++i) {
            EXPECT_EQ(cramped.setup(event.handle).status, STATUS_INSUFFICIENT_RESOURCES) << room;
            EXPECT_TRUE(cramped.mappings().empty()) << room;
        }
        // Still an ordinary handle.
        EXPECT_EQ(cramped.teardown(), STATUS_NOT_FOUND);
        EXPECT_EQ(cramped.pull().status, STATUS_SUCCESS);
    }
}

// The event is the driver's to signal as long as the bell is there, though the client closed its handle.
TEST_F(RingSetup, TheEventOutlivesItsHandle) {
    const host::EventResult event = client_.create_event();
    const SetupResult setup = client_.setup(event.handle);
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    ASSERT_EQ(host_->close(client_.process(), event.handle), STATUS_SUCCESS);
    consumer_page_of(setup.reply)->WakeAt = 1;
    activity_.come_and_go(1);
    EXPECT_EQ(client_.query().reply->WakeupsSent, 1U);
    EXPECT_EQ(client_.teardown(), STATUS_SUCCESS);
    activity_.come_and_go(1);
    EXPECT_EQ(client_.query().reply->WakeupsSent, 1U);
}

}  // namespace
}  // namespace aegis::test
