// After an internal failure the driver stops reporting, counts what it does not report, and is otherwise there.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/kernel_view.hpp"

namespace aegis::test {
namespace {

constexpr std::uint32_t kEventsBefore = 64;
constexpr const char* kOverwritten =
    "AegisMon: internal failure: the ring's header was overwritten; from now on events are counted, not published";
constexpr const char* kMiscounted =
    "AegisMon: internal failure: the list of handles does not match its count; from now on events are counted, not "
    "published";

std::uint64_t lost_in(const AEGIS_QUERY_REPLY& reply) {
    return std::accumulate(std::begin(reply.LostBefore), std::end(reply.LostBefore), std::uint64_t{0});
}

class Passthrough : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load_small(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(), STATUS_SUCCESS);
        header_ = ring_in_the_kernel(host_, kSmallRingCells);
        ASSERT_NE(header_, nullptr);
        host_.take_debug_lines();
    }

    void expect_one_error(const char* text) {
        const std::vector<DebugLine> lines = host_.take_debug_lines();
        ASSERT_EQ(lines.size(), 1U);
        EXPECT_EQ(lines[0].level, DPFLTR_ERROR_LEVEL);
        EXPECT_EQ(lines[0].text, text);
    }

    TestHost host_;
    Activity activity_{host_};
    Client client_{host_};
    AEGIS_RING_HEADER* header_ = nullptr;
};

// Catches: verify() left out of the query, or without effect; publish() that does not look at the state; a geometry
// taken from shared memory.
TEST_F(Passthrough, AnOverwrittenHeaderEndsReportingAndNothingElse) {
    const host::EventResult event = client_.create_event();
    const SetupResult setup = client_.setup(event.handle);
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    consumer_page_of(setup.reply)->WakeAt = 1000;
    activity_.come_and_go(1);
    header_->Identity.CellCount = 1U << 30U;
    EXPECT_FALSE(client_.take_signal(event));

    QueryResult query = client_.query();
    EXPECT_EQ(query.reply->State, AEGIS_RING_FAILED);
    EXPECT_EQ(query.reply->CellCount, kSmallRingCells);
    expect_one_error(kOverwritten);
    // Consumers, asleep or not, see what they see when the driver goes.
    EXPECT_EQ(header_->State, AEGIS_RING_CLOSING);
    EXPECT_TRUE(client_.take_signal(event));
    EXPECT_EQ(query.reply->Consumers[0].Wakeups, 1U);

    const std::vector<std::byte> cells(reinterpret_cast<std::byte*>(header_) + AEGIS_RING_HEADER_BYTES,
                                       reinterpret_cast<std::byte*>(header_) + ring::region_bytes(kSmallRingCells));
    for (std::uint32_t i = 0; i < 50; ++i) {
        EXPECT_EQ(activity_.create(kFirstFreePid + 100 + i), STATUS_SUCCESS) << "a creation was refused";
    }
    EXPECT_EQ(std::memcmp(cells.data(), reinterpret_cast<std::byte*>(header_) + AEGIS_RING_HEADER_BYTES, cells.size()),
              0)
        << "published after the failure";
    query = client_.query();
    // Each with its details.
    EXPECT_EQ(query.reply->Published, 4U);
    EXPECT_EQ(query.reply->LostBefore[AEGIS_LOST_FAILED], 100U);
    EXPECT_EQ(lost_in(*query.reply), 100U);
    EXPECT_EQ(2 * callback_row(*query.reply, AEGIS_CALLBACK_PROCESS).Seen,
              query.reply->Published + lost_in(*query.reply));
    EXPECT_TRUE(host_.take_debug_lines().empty()) << "said twice";

    // What was published can still be read; consumers go, and the driver can be unloaded.
    EXPECT_EQ(events_in(client_.pull(1 << 16).bytes).size(), 2U);
    EXPECT_EQ(client_.teardown(), STATUS_SUCCESS);
    EXPECT_TRUE(client_.mappings().empty());
    client_.exit();
    EXPECT_EQ(host_.unload(), host::UnloadResult::kUnloaded);
}

// Once the header is known to be broken, nothing in it is worth reading.
// Catches: a query that reports geometry, counts or state from shared memory.
TEST_F(Passthrough, AQueryTellsNothingThatTheHeaderSays) {
    activity_.come_and_go(3);
    header_->Identity.Magic = 0;
    const QueryResult before = client_.query();
    ASSERT_EQ(before.reply->State, AEGIS_RING_FAILED);
    std::memset(static_cast<void*>(header_), 0x3C, sizeof(*header_));
    const QueryResult after = client_.query();
    EXPECT_EQ(after.status, STATUS_SUCCESS);
    EXPECT_EQ(std::memcmp(after.reply.get(), before.reply.get(), sizeof(*after.reply)), 0);
}

// Each word of the header that the driver keeps an original of.
// Catches: one of them left out of header_is_intact().
TEST_F(Passthrough, EveryFieldOfTheHeaderIsCompared) {
    const std::vector<std::function<void(AEGIS_RING_HEADER&)>> writes{
        [](AEGIS_RING_HEADER& header) { ++header.Identity.Magic; },
        [](AEGIS_RING_HEADER& header) { ++header.Identity.AbiMajor; },
        [](AEGIS_RING_HEADER& header) { ++header.Identity.HeaderBytes; },
        [](AEGIS_RING_HEADER& header) { ++header.Identity.CellBytes; },
        [](AEGIS_RING_HEADER& header) { ++header.Identity.CellCount; },
        [](AEGIS_RING_HEADER& header) { ++header.Identity.RegionBytes; },
        [](AEGIS_RING_HEADER& header) { ++header.Identity.SessionId[15]; },
        [](AEGIS_RING_HEADER& header) { ++header.Identity.Reserved[11]; },
        [](AEGIS_RING_HEADER& header) { ++header.Identity.EventBytes; },
        [](AEGIS_RING_HEADER& header) { ++header.Published; },
        [](AEGIS_RING_HEADER& header) { ++header.Newest; },
        [](AEGIS_RING_HEADER& header) { ++header.LostBefore[AEGIS_LOST_OVERSIZE]; },
        [](AEGIS_RING_HEADER& header) { ++header.LostBefore[AEGIS_LOST_REASONS - 1]; },
        [](AEGIS_RING_HEADER& header) { ++header.WakeupsSent; },
        [](AEGIS_RING_HEADER& header) { header.State = AEGIS_RING_CLOSING; },
    };
    client_.exit();
    for (std::size_t i = 0; i < writes.size(); ++i) {
        ASSERT_EQ(host_.unload(), host::UnloadResult::kUnloaded);
        ASSERT_EQ(host_.load_small(), STATUS_SUCCESS);
        Client client(host_);
        ASSERT_EQ(client.open(), STATUS_SUCCESS);
        activity_.come_and_go(1);
        EXPECT_EQ(client.query().reply->State, AEGIS_RING_RUNNING);
        writes[i](*ring_in_the_kernel(host_, kSmallRingCells));
        EXPECT_EQ(client.query().reply->State, AEGIS_RING_FAILED) << "write " << i;
    }
}

// Catches: verify() left out of the setup, or after the mapping is made.
TEST_F(Passthrough, NobodyIsGivenAMappingOfABrokenRing) {
    header_->Identity.RegionBytes *= 1000;
    const SetupResult setup = client_.setup();
    EXPECT_EQ(setup.status, STATUS_DRIVER_INTERNAL_ERROR);
    EXPECT_EQ(setup.information, 0U);
    EXPECT_TRUE(client_.mappings().empty());
    EXPECT_EQ(client_.teardown(), STATUS_NOT_FOUND);
    EXPECT_EQ(header_->State, AEGIS_RING_CLOSING);
    expect_one_error(kOverwritten);
    EXPECT_EQ(client_.query().reply->State, AEGIS_RING_FAILED);
    EXPECT_EQ(client_.setup().status, STATUS_DRIVER_INTERNAL_ERROR);
    EXPECT_TRUE(host_.take_debug_lines().empty()) << "said twice";
}

// Catches: verify() before the request itself is known to be right.
TEST_F(Passthrough, AMalformedSetupDoesNotLookAtTheRing) {
    header_->Identity.Magic = 0;
    auto request = make_request<AEGIS_RING_SETUP_REQUEST>();
    request.EventHandle = client_.create_event().handle;
    std::array<std::byte, sizeof(AEGIS_RING_SETUP_REPLY)> reply{};
    EXPECT_EQ(
        client_.control(AEGIS_IOCTL_RING_SETUP, bytes_of(request), std::span(reply).first(reply.size() - 1)).status,
        STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(header_->State, AEGIS_RING_RUNNING);
    EXPECT_TRUE(host_.take_debug_lines().empty());
}

// Catches: the counts not compared with the list.
TEST_F(Passthrough, AHandleThatIsMissingFromItsListIsNoticed) {
    Client other(host_);
    ASSERT_EQ(other.open(), STATUS_SUCCESS);
    // What a handle stands for begins with its place in the list.
    const FileObjectRef file(other);
    auto* link = static_cast<PLIST_ENTRY>(file->FsContext);
    PLIST_ENTRY before = link->Blink;
    PLIST_ENTRY after = link->Flink;
    before->Flink = after;
    after->Blink = before;
    EXPECT_EQ(client_.query().reply->State, AEGIS_RING_FAILED);
    before->Flink = link;
    after->Blink = link;
    expect_one_error(kMiscounted);
    EXPECT_EQ(client_.query().reply->State, AEGIS_RING_FAILED) << "forgotten";
}

// Catches: the counts compared from one side.
TEST_F(Passthrough, AHandleTooManyInTheListIsNoticed) {
    // One that never was opened, pulls nothing and is no consumer: all zero but its place in the list.
    alignas(std::max_align_t) static std::array<std::byte, std::size_t{16} * 1024> stranger;
    stranger.fill(std::byte{0});
    auto* link = reinterpret_cast<PLIST_ENTRY>(stranger.data());
    const FileObjectRef file(client_);
    auto* before = static_cast<PLIST_ENTRY>(file->FsContext);
    PLIST_ENTRY after = before->Flink;
    InsertHeadList(before, link);
    EXPECT_EQ(client_.query().reply->State, AEGIS_RING_FAILED);
    EXPECT_EQ(before->Flink, link);
    before->Flink = after;
    after->Blink = before;
    expect_one_error(kMiscounted);
}

// Catches: a walk without a bound, which would fill more rows than the reply has.
TEST_F(Passthrough, AListWithoutAnEndDoesNotOverflowTheReply) {
    ASSERT_EQ(client_.pull().status, STATUS_SUCCESS);
    const FileObjectRef file(client_);
    auto* link = static_cast<PLIST_ENTRY>(file->FsContext);
    PLIST_ENTRY after = link->Flink;
    link->Flink = link;
    const QueryResult query = client_.query();
    link->Flink = after;
    EXPECT_EQ(query.status, STATUS_SUCCESS);
    EXPECT_EQ(query.reply->State, AEGIS_RING_FAILED);
    expect_one_error(kMiscounted);
}

// Catches: an event that is neither published nor counted once the driver has failed.
TEST_F(Passthrough, CountersReconcileWhileCallbacksMeetTheFailure) {
    constexpr std::uint32_t kProducers = 3;
    constexpr std::uint32_t kEventsAfterwards = 100;
    constexpr std::uint32_t kPidsOfOne = 0x01000000;
    std::atomic<bool> failed = false;
    std::atomic<std::uint64_t> produced = 0;
    std::vector<std::thread> producers;
    for (std::uint32_t producer = 0; producer < kProducers; ++producer) {
        producers.emplace_back([&, producer] {
            Activity activity(host_);
            std::uint32_t pid = kFirstFreePid + producer * kPidsOfOne;
            const auto produce = [&] {
                activity.create(pid++);
                produced.fetch_add(1, std::memory_order_relaxed);
            };
            while (!failed.load(std::memory_order_relaxed)) {
                produce();
            }
            for (std::uint32_t i = 0; i < kEventsAfterwards; ++i) {
                produce();
            }
        });
    }
    // What a consumer sees: after "closing" nothing follows.
    std::uint64_t published_at_the_end = 0;
    std::thread consumer([&] {
        while (std::atomic_ref(header_->State).load(std::memory_order_acquire) != AEGIS_RING_CLOSING) {
        }
        published_at_the_end = std::atomic_ref(header_->Published).load(std::memory_order_relaxed);
    });
    while (produced.load(std::memory_order_relaxed) < kEventsBefore) {
        std::this_thread::yield();
    }
    std::atomic_ref(header_->Identity.RegionBytes).store(0, std::memory_order_relaxed);
    client_.query();
    failed.store(true, std::memory_order_relaxed);
    consumer.join();
    for (std::thread& producer : producers) {
        producer.join();
    }
    const QueryResult query = client_.query();
    EXPECT_EQ(query.reply->State, AEGIS_RING_FAILED);
    EXPECT_EQ(query.reply->Published, published_at_the_end) << "published after the failure";
    const AEGIS_CALLBACK_HEALTH& sensor = callback_row(*query.reply, AEGIS_CALLBACK_PROCESS);
    EXPECT_EQ(sensor.Seen, produced.load());
    EXPECT_EQ(sensor.Seen, sensor.Published + sensor.Lost);
    // Each creation is two events: the failure comes between them for as many as there are producers, at most.
    EXPECT_LE(2 * sensor.Published, query.reply->Published);
    EXPECT_GE(2 * sensor.Published + kProducers, query.reply->Published);
    EXPECT_GE(query.reply->LostBefore[AEGIS_LOST_FAILED], std::uint64_t{kProducers} * kEventsAfterwards);
    EXPECT_EQ(query.reply->Published + query.reply->LostBefore[AEGIS_LOST_FAILED], 2 * produced.load());
    EXPECT_EQ(lost_in(*query.reply), query.reply->LostBefore[AEGIS_LOST_FAILED]);
}

TEST_F(Passthrough, ANewLoadStartsOver) {
    header_->Identity.Magic = 0;
    EXPECT_EQ(client_.query().reply->State, AEGIS_RING_FAILED);
    activity_.come_and_go(3);
    client_.exit();
    ASSERT_EQ(host_.unload(), host::UnloadResult::kUnloaded);
    ASSERT_EQ(host_.load_small(), STATUS_SUCCESS);
    Client client(host_);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    activity_.come_and_go(1);
    const QueryResult query = client.query();
    EXPECT_EQ(query.reply->State, AEGIS_RING_RUNNING);
    EXPECT_EQ(query.reply->LostBefore[AEGIS_LOST_FAILED], 0U);
    EXPECT_EQ(query.reply->Published, 4U);
    EXPECT_EQ(client.setup().status, STATUS_SUCCESS);
}

// Partial protection: the sensor cannot register, everything else works, and the driver says what is missing.
// Catches: a load that fails with its sensor; a health row that says registered; a query that does not.
TEST(PartialProtection, ADriverWithoutItsSensorLoadsAndSaysSo) {
    TestHost host;
    std::uint64_t registration = 0;
    for (std::uint64_t n = 1; registration == 0; ++n) {
        // Both ways to register; between them lies the ETW event about the first.
        host->faults().arm(n, n + 2);
        const NTSTATUS status = host.load_small();
        const std::vector<std::string> failed = host->faults().failed();
        ASSERT_FALSE(failed.empty()) << "the sensor is never registered";
        registration = failed.front() == "PsSetCreateProcessNotifyRoutineEx2" ? n : 0;
        host->faults().reset();
        if (registration != 0) {
            ASSERT_EQ(status, STATUS_SUCCESS);
        } else {
            host.unload();
            host.take_debug_lines();
        }
    }
    const std::vector<DebugLine> lines = host.take_debug_lines();
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_THAT(lines[0].text, testing::StartsWith("AegisMon: cannot see processes of every subsystem: 0x"));
    EXPECT_EQ(lines[1].level, DPFLTR_ERROR_LEVEL);
    EXPECT_THAT(lines[1].text,
                testing::StartsWith("AegisMon: cannot register the process sensor, going on without it: 0x"));
    EXPECT_EQ(lines[2].text, "AegisMon: ready, ring of 64 KiB");

    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    Activity(host).come_and_go(2);
    const QueryResult query = client.query();
    const AEGIS_CALLBACK_HEALTH& sensor = callback_row(*query.reply, AEGIS_CALLBACK_PROCESS);
    EXPECT_EQ(sensor.Kind, AEGIS_CALLBACK_PROCESS);
    EXPECT_EQ(sensor.Registered, 0U);
    EXPECT_TRUE(NT_ERROR(sensor.Status));
    EXPECT_EQ(sensor.Seen, 0U);
    EXPECT_EQ(sensor.LastEventTime, 0);
    const AEGIS_CALLBACK_HEALTH& owner_exit = callback_row(*query.reply, AEGIS_CALLBACK_OWNER_EXIT);
    EXPECT_EQ(owner_exit.Registered, 1U);
    EXPECT_EQ(owner_exit.Seen, 4U);
    EXPECT_EQ(query.reply->State, AEGIS_RING_RUNNING);
    EXPECT_EQ(query.reply->Published, 0U);
    EXPECT_EQ(client.setup().status, STATUS_SUCCESS);
}

}  // namespace
}  // namespace aegis::test
