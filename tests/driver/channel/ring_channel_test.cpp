// The ring as the driver owns it, without the driver around: what no request and no notification can bring about.

#include "channel/ring_channel.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "consumers/pull_cursor.hpp"
#include "driver/host/executive/executive.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {
namespace {

class RingChannel : public testing::Test {
  protected:
    static constexpr std::uint64_t kMany = 2000;

    void SetUp() override { ASSERT_EQ(channel_.create(64), STATUS_SUCCESS); }
    void TearDown() override { channel_.destroy(); }

    void publish(std::uint16_t type, std::size_t payload_bytes) {
        const std::vector<std::byte> payload(payload_bytes, std::byte{0x3C});
        channel_.publish(type, kActivityTime, payload.data(), payload.size());
    }

    void publish_many() {
        for (std::uint64_t i = 0; i < kMany; ++i) {
            publish(AEGIS_EVENT_FILE_OP, 10);
        }
    }

    host::ExecutiveOptions keep_debug_lines() {
        host::ExecutiveOptions options;
        options.debug_print = [this](ULONG, std::string_view line) { debug_lines_.emplace_back(line); };
        return options;
    }

    std::vector<std::string> debug_lines_;
    host::Executive executive_{keep_debug_lines()};
    driver::RingChannel channel_;
};

TEST_F(RingChannel, CountsAnEventThatIsTooLarge) {
    publish(AEGIS_EVENT_FILE_OP, AEGIS_RING_EVENT_BYTES - sizeof(AEGIS_EVENT_HEADER));
    publish(AEGIS_EVENT_FILE_OP, AEGIS_RING_EVENT_BYTES - sizeof(AEGIS_EVENT_HEADER) + 1);
    publish(AEGIS_EVENT_FILE_OP, 100'000);
    EXPECT_EQ(channel_.counters().published, 1U);
    EXPECT_EQ(channel_.counters().lost_before[AEGIS_LOST_OVERSIZE], 2U);
    EXPECT_EQ(channel_.counters().state, AEGIS_RING_RUNNING);
}

// What the driver counts is what the header says, no more and no less.
// Catches: a word of the header compared from one side.
TEST_F(RingChannel, EveryCountOfTheHeaderIsComparedFromBothSides) {
    std::atomic<std::uint64_t> wake_at = AEGIS_WAKE_NEVER;
    KEVENT event;
    KeInitializeEvent(&event, SynchronizationEvent, FALSE);
    driver::WakeTarget target;
    const std::function<void(AEGIS_RING_HEADER&, std::uint64_t)> additions[] = {
        [](AEGIS_RING_HEADER& header, std::uint64_t by) { header.Published += by; },
        [](AEGIS_RING_HEADER& header, std::uint64_t by) { header.WakeupsSent += by; },
        [](AEGIS_RING_HEADER& header, std::uint64_t by) { header.LostBefore[AEGIS_LOST_OVERSIZE] += by; },
        [](AEGIS_RING_HEADER& header, std::uint64_t by) { header.State += static_cast<std::uint32_t>(by); },
    };
    for (std::size_t word = 0; word < std::size(additions); ++word) {
        for (const std::uint64_t by : {std::uint64_t{1}, ~std::uint64_t{0}}) {
            channel_.destroy();
            ASSERT_EQ(channel_.create(64), STATUS_SUCCESS);
            target.initialize(&event);
            ASSERT_TRUE(channel_.add_doorbell(&wake_at, &target));
            wake_at = 1;
            publish(AEGIS_EVENT_FILE_OP, 10);
            publish(AEGIS_EVENT_FILE_OP, 100'000);
            ASSERT_EQ(channel_.counters().wakeups_sent, 1U);
            EXPECT_TRUE(channel_.verify());
            additions[word](*static_cast<AEGIS_RING_HEADER*>(channel_.region()), by);
            EXPECT_FALSE(channel_.verify()) << "word " << word << " by " << static_cast<std::int64_t>(by);
            channel_.remove_doorbell(&wake_at, &target);
        }
    }
}

// A query may have taken its count of events before a pull went on.
// Catches: the lag of a cursor that is ahead of the count, which would be nearly 2^64.
TEST_F(RingChannel, APullAheadOfTheCountHasNoLag) {
    publish(AEGIS_EVENT_FILE_OP, 10);
    publish(AEGIS_EVENT_FILE_OP, 10);
    const auto cursor = std::make_unique<driver::PullCursor>();
    cursor->initialize(channel_.memory());
    std::vector<std::byte> output(std::size_t{4} * AEGIS_MAX_EVENT_SIZE);
    EXPECT_NE(cursor->pull(output.data(), output.size()), 0U);
    for (const auto& [published, lag] : {std::pair{0, 0U}, {1, 0U}, {2, 0U}, {3, 1U}, {12, 10U}}) {
        AEGIS_CONSUMER_INFO row{};
        ASSERT_TRUE(cursor->describe(static_cast<std::uint64_t>(published), &row));
        EXPECT_EQ(row.Cursor, 2U);
        EXPECT_EQ(row.Lag, lag) << published;
    }
}

// Catches: stop() without its bells, or with those of consumers that are awake.
TEST_F(RingChannel, WakesEverySleeperAtItsEnd) {
    KEVENT event;
    KeInitializeEvent(&event, SynchronizationEvent, FALSE);
    driver::WakeTarget target;
    target.initialize(&event);
    driver::WakeTarget other;
    other.initialize(&event);
    std::atomic<std::uint64_t> asleep = 1000;
    std::atomic<std::uint64_t> awake = AEGIS_WAKE_NEVER;
    ASSERT_TRUE(channel_.add_doorbell(&asleep, &target));
    ASSERT_TRUE(channel_.add_doorbell(&awake, &other));
    channel_.fail("a test says so");
    EXPECT_EQ(KeReadStateEvent(&event), 1);
    EXPECT_EQ(asleep.load(), AEGIS_WAKE_NEVER);
    EXPECT_EQ(channel_.counters().wakeups_sent, 1U);
    EXPECT_EQ(target.wakeups(), 1U);
    EXPECT_EQ(other.wakeups(), 0U);
    channel_.remove_doorbell(&asleep, &target);
    channel_.remove_doorbell(&awake, &other);
    EXPECT_EQ(channel_.counters().state, AEGIS_RING_FAILED);
}

// A loss with no event behind it must not wait for one.
// Catches: an event that is too large, or a source's loss, counted without the bells; one bell too many.
TEST_F(RingChannel, WakesEverySleeperForALoss) {
    KEVENT event;
    KeInitializeEvent(&event, SynchronizationEvent, FALSE);
    driver::WakeTarget target;
    target.initialize(&event);
    std::atomic<std::uint64_t> wake_at = 1000;
    ASSERT_TRUE(channel_.add_doorbell(&wake_at, &target));
    publish(AEGIS_EVENT_FILE_OP, 100'000);
    EXPECT_NE(KeReadStateEvent(&event), 0);
    EXPECT_EQ(wake_at.load(), AEGIS_WAKE_NEVER);
    KeClearEvent(&event);
    wake_at = 1000;
    channel_.count_source_loss(7);
    EXPECT_NE(KeReadStateEvent(&event), 0);
    EXPECT_EQ(wake_at.load(), AEGIS_WAKE_NEVER);
    KeClearEvent(&event);
    channel_.count_source_loss(1);
    publish(AEGIS_EVENT_FILE_OP, 100'000);
    EXPECT_EQ(KeReadStateEvent(&event), 0) << "rung for a consumer that is awake";
    EXPECT_EQ(channel_.counters().wakeups_sent, 2U);
    EXPECT_EQ(channel_.counters().lost_before[AEGIS_LOST_OVERSIZE], 2U);
    EXPECT_EQ(channel_.counters().lost_before[AEGIS_LOST_SOURCE], 8U);
    channel_.remove_doorbell(&wake_at, &target);
}

// Catches: count_source_loss() without the publish lock, which ThreadSanitizer sees too.
TEST_F(RingChannel, CountsLossesWhileOthersPublish) {
    constexpr std::uint64_t kReports = 2000;
    std::thread producer([&] {
        for (std::uint64_t i = 0; i < kReports; ++i) {
            publish(AEGIS_EVENT_FILE_OP, 10);
        }
    });
    std::thread source([&] {
        for (std::uint64_t i = 0; i < kReports; ++i) {
            channel_.count_source_loss(3);
        }
    });
    for (std::uint64_t i = 0; i < kReports; ++i) {
        channel_.count_source_loss(2);
    }
    producer.join();
    source.join();
    EXPECT_EQ(channel_.counters().published, kReports);
    EXPECT_EQ(channel_.counters().lost_before[AEGIS_LOST_SOURCE], 5 * kReports);
    EXPECT_TRUE(channel_.verify());
}

// Its page is about to be freed, and the bell may be somewhere nobody looked: no producer may ring any more.
// Catches: the result of remove() ignored; the other bells kept.
TEST_F(RingChannel, FailsWhenADoorbellIsMissing) {
    KEVENT event;
    KeInitializeEvent(&event, SynchronizationEvent, FALSE);
    driver::WakeTarget target;
    target.initialize(&event);
    driver::WakeTarget stranger;
    stranger.initialize(&event);
    std::atomic<std::uint64_t> registered = 1;
    ASSERT_TRUE(channel_.add_doorbell(&registered, &target));
    std::atomic<std::uint64_t> never_added = 0;
    channel_.remove_doorbell(&never_added, &stranger);
    EXPECT_EQ(channel_.counters().state, AEGIS_RING_FAILED);
    EXPECT_EQ(channel_.memory().load_state(), AEGIS_RING_CLOSING);
    EXPECT_EQ(debug_lines_,
              (std::vector<std::string>{"AegisMon: internal failure: a consumer's doorbell is missing; from "
                                        "now on events are counted, not published"}));
    publish(AEGIS_EVENT_FILE_OP, 10);
    EXPECT_EQ(channel_.counters().published, 0U);
    EXPECT_EQ(channel_.counters().lost_before[AEGIS_LOST_FAILED], 1U);
    EXPECT_EQ(registered.load(), 1U) << "a page was touched that may be gone";
    EXPECT_EQ(KeReadStateEvent(&event), 0);
    // The consumers that are left go the same way, without another word.
    channel_.remove_doorbell(&registered, &target);
    EXPECT_EQ(debug_lines_.size(), 1U);
}

// Catches: fail() without effect, or that says it twice; a failure that verify() does not tell; publish() that does not
// look at the state, or counts under another reason.
TEST_F(RingChannel, FailsOnceAndStaysSo) {
    EXPECT_TRUE(channel_.verify());
    publish(AEGIS_EVENT_FILE_OP, 10);
    channel_.fail("a test says so");
    channel_.fail("another test says so");
    EXPECT_EQ(debug_lines_,
              (std::vector<std::string>{"AegisMon: internal failure: a test says so; from now on events are "
                                        "counted, not published"}));
    EXPECT_FALSE(channel_.verify());
    EXPECT_EQ(channel_.counters().state, AEGIS_RING_FAILED);
    EXPECT_EQ(channel_.memory().load_state(), AEGIS_RING_CLOSING);
    publish(AEGIS_EVENT_FILE_OP, 10);
    EXPECT_EQ(channel_.counters().published, 1U);
    EXPECT_EQ(channel_.counters().lost_before[AEGIS_LOST_FAILED], 1U);
}

// Only process events have a full form; what later sensors publish is handed out as it is.
TEST_F(RingChannel, OtherEventsArePulledAsTheyAre) {
    publish(AEGIS_EVENT_NET_CONN, 100);
    publish(AEGIS_EVENT_PROCESS_EXIT, AEGIS_PROCESS_PAYLOAD_FIXED);
    publish(AEGIS_EVENT_NET_CONN, AEGIS_RING_EVENT_BYTES - sizeof(AEGIS_EVENT_HEADER));
    const auto cursor = std::make_unique<driver::PullCursor>();
    cursor->initialize(channel_.memory());
    std::vector<std::byte> output(std::size_t{4} * AEGIS_MAX_EVENT_SIZE);
    output.resize(cursor->pull(output.data(), output.size()));
    ASSERT_EQ(output.size(), 116U + AEGIS_PROCESS_EVENT_SIZE + AEGIS_RING_EVENT_BYTES);
    const std::vector<ProcessEvent> events = events_in(output);
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[0].header.Size, 116U);
    EXPECT_EQ(events[0].header.Type, AEGIS_EVENT_NET_CONN);
    EXPECT_EQ(output[115], std::byte{0x3C});
    EXPECT_EQ(events[1].header.Size, AEGIS_PROCESS_EVENT_SIZE);
    EXPECT_EQ(events[2].header.Size, AEGIS_RING_EVENT_BYTES);
}

// Catches: the end without the publish lock, which ThreadSanitizer sees.
TEST_F(RingChannel, FailsWhileOthersPublish) {
    std::thread producer([&] { publish_many(); });
    channel_.fail("a test says so");
    producer.join();
    const driver::ChannelCounters counters = channel_.counters();
    EXPECT_EQ(counters.state, AEGIS_RING_FAILED);
    EXPECT_EQ(counters.published + counters.lost_before[AEGIS_LOST_FAILED], kMany);
}

}  // namespace
}  // namespace aegis::test
