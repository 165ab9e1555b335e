// What a callback's row of the query reply counts, and that it adds up at any time.

#include "channel/callback_health.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <iterator>
#include <memory>
#include <thread>
#include <vector>

#include "driver/host/executive/executive.hpp"
#include "sensors/sensor.hpp"

namespace aegis::test {
namespace {

using driver::Outcome;

constexpr std::uint32_t kKind = 77;

AEGIS_CALLBACK_HEALTH described(const driver::CallbackHealth& health) {
    AEGIS_CALLBACK_HEALTH row{};
    health.describe(kKind, &row);
    return row;
}

std::uint64_t sum_of(const AEGIS_CALLBACK_HEALTH& row) {
    return row.Published + row.Filtered + row.Limited + row.Merged + row.Lost;
}

// Catches: an outcome counted or reported as another, one that is missing from the sum.
TEST(CallbackHealth, CountsEachOutcomeByItself) {
    driver::CallbackHealth health;
    constexpr Outcome kAll[] = {Outcome::kPublished, Outcome::kFiltered, Outcome::kLimited, Outcome::kMerged,
                                Outcome::kLost};
    std::int64_t time = 1000;
    for (std::size_t i = 0; i < std::size(kAll); ++i) {
        for (std::size_t n = 0; n < std::size_t{1} << i; ++n) {
            health.count(kAll[i], ++time);
        }
    }
    const AEGIS_CALLBACK_HEALTH row = described(health);
    EXPECT_EQ(row.Kind, kKind);
    EXPECT_EQ(row.Published, 1U);
    EXPECT_EQ(row.Filtered, 2U);
    EXPECT_EQ(row.Limited, 4U);
    EXPECT_EQ(row.Merged, 8U);
    EXPECT_EQ(row.Lost, 16U);
    EXPECT_EQ(row.Seen, 31U);
    EXPECT_EQ(row.LastEventTime, time);
}

// Catches: counts, times or a registration of one load that show in the next.
TEST(CallbackHealth, ResetForgetsEverything) {
    driver::CallbackHealth health;
    health.registered(STATUS_SUCCESS, 3);
    for (const Outcome outcome :
         {Outcome::kPublished, Outcome::kFiltered, Outcome::kLimited, Outcome::kMerged, Outcome::kLost}) {
        health.count(outcome, 9);
    }
    health.reset();
    const AEGIS_CALLBACK_HEALTH row = described(health);
    EXPECT_EQ(row.Registered, 0U);
    EXPECT_EQ(row.Status, STATUS_NOT_FOUND);
    EXPECT_EQ(row.Seen, 0U);
    EXPECT_EQ(sum_of(row), 0U);
    EXPECT_EQ(row.LastEventTime, 0);
}

// Rows are read while callbacks run on other processors.
// Catches: a `seen` that is counted apart from what became of it, or summed from counts that are loaded again.
TEST(CallbackHealth, ARowAddsUpWhileCallbacksCount) {
    constexpr std::uint64_t kEach = 50'000;
    constexpr unsigned kThreads = 3;
    const auto health = std::make_unique<driver::CallbackHealth>();
    std::vector<std::thread> callbacks;
    for (unsigned thread = 0; thread < kThreads; ++thread) {
        callbacks.emplace_back([&, thread] {
            for (std::uint64_t i = 0; i < kEach; ++i) {
                health->count(static_cast<Outcome>((i + thread) % 5), static_cast<std::int64_t>(i));
            }
        });
    }
    std::uint64_t before = 0;
    while (before < kThreads * kEach) {
        const AEGIS_CALLBACK_HEALTH row = described(*health);
        ASSERT_EQ(row.Seen, sum_of(row));
        ASSERT_GE(row.Seen, before);
        before = row.Seen;
    }
    for (std::thread& callback : callbacks) {
        callback.join();
    }
    const AEGIS_CALLBACK_HEALTH row = described(*health);
    EXPECT_EQ(row.Seen, kThreads * kEach);
    EXPECT_EQ(row.Published, kThreads * kEach / 5);
    EXPECT_EQ(row.Lost, kThreads * kEach / 5);
}

// What a sensor reports, by what the channel did with it.
class Report : public testing::Test {
  protected:
    static constexpr std::size_t kTooLarge = AEGIS_RING_EVENT_BYTES;

    void SetUp() override { ASSERT_EQ(channel_.create(64), STATUS_SUCCESS); }
    void TearDown() override { channel_.destroy(); }

    void report(std::int64_t time, std::size_t payload_bytes = 16) {
        const std::vector<std::byte> payload(payload_bytes, std::byte{0x2A});
        context_.report(&health_, AEGIS_EVENT_FILE_OP, time, payload.data(), payload.size());
    }

    // The row, and that it agrees with what the channel says of all that was reported.
    AEGIS_CALLBACK_HEALTH reconciled(unsigned reason) {
        const AEGIS_CALLBACK_HEALTH row = described(health_);
        const driver::ChannelCounters counters = channel_.counters();
        EXPECT_EQ(row.Seen, sum_of(row));
        EXPECT_EQ(row.Published, counters.published);
        EXPECT_EQ(row.Lost, counters.lost_before[reason]);
        EXPECT_EQ(row.Filtered + row.Limited + row.Merged, 0U);
        return row;
    }

    host::Executive executive_{[] {
        host::ExecutiveOptions options;
        options.debug_print = [](ULONG, std::string_view) {};
        return options;
    }()};
    driver::RingChannel channel_;
    driver::SystemClock clock_;
    driver::PolicyStore policies_;
    driver::SensorContext context_{&channel_, &clock_, &policies_, nullptr};
    driver::CallbackHealth health_;
};

// Catches: publish() that answers true for what it counted as lost, or the other way round; a report that is not
// counted, or counted under another time.
TEST_F(Report, IsPublishedOrLostAsTooLarge) {
    report(100);
    report(101, kTooLarge);
    report(102);
    const AEGIS_CALLBACK_HEALTH row = reconciled(AEGIS_LOST_OVERSIZE);
    EXPECT_EQ(row.Seen, 3U);
    EXPECT_EQ(row.Lost, 1U);
    EXPECT_EQ(row.LastEventTime, 102);
}

TEST_F(Report, IsLostOnceTheChannelHasFailed) {
    report(1);
    channel_.fail("a test says so");
    report(2);
    report(3, kTooLarge);
    EXPECT_EQ(reconciled(AEGIS_LOST_FAILED).Lost, 2U);
}

// Catches: an answer taken before or after the lock that decides.
TEST_F(Report, AddsUpWhileTheChannelStopsInTheMiddle) {
    constexpr std::uint64_t kEach = 5'000;
    constexpr unsigned kThreads = 3;
    std::atomic<std::uint64_t> reported = 0;
    std::vector<std::thread> callbacks;
    for (unsigned thread = 0; thread < kThreads; ++thread) {
        callbacks.emplace_back([&] {
            for (std::uint64_t i = 0; i < kEach; ++i) {
                report(1);
                reported.fetch_add(1, std::memory_order_relaxed);
            }
        });
    }
    while (reported.load(std::memory_order_relaxed) < kEach / 2) {
        std::this_thread::yield();
    }
    channel_.fail("a test says so");
    for (std::thread& callback : callbacks) {
        callback.join();
    }
    EXPECT_EQ(reconciled(AEGIS_LOST_FAILED).Seen, kThreads * kEach);
}

}  // namespace
}  // namespace aegis::test
