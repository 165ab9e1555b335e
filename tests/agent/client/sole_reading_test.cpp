// The right to read alone, and how it is taken away.

#include "agent/client/sole_reading.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>

namespace aegis {
namespace {

using client::SoleReading;

// A counter of which each side takes what is there and puts back one more: two at once lose a step.
void step(std::atomic<std::uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

// Catches: take_away() that does not wait for a read that runs.
TEST(SoleReading, EndsBehindTheReadThatRuns) {
    if (!client::has_process_barrier()) {
        GTEST_SKIP() << "this system has no barrier for a whole process";
    }
    constexpr int kRounds = 20;
    constexpr int kLooks = 1000;
    for (int round = 0; round < kRounds; ++round) {
        SoleReading sole;
        ASSERT_TRUE(sole.begin());
        std::atomic<bool> taken{false};
        std::thread other([&] {
            sole.take_away();
            taken.store(true);
        });
        while (!sole.is_over()) {
            std::this_thread::yield();
        }
        // Time enough for one that does not wait, on most of the rounds.
        for (int look = 0; look < kLooks; ++look) {
            std::this_thread::yield();
            EXPECT_FALSE(taken.load());
        }
        sole.finish();
        other.join();
    }
}

// Catches: a reader that does not see that it is over; the barrier left out, without which both sides miss each other
// once in a while.
TEST(SoleReading, EndsBeforeSomebodyElseBegins) {
    if (!client::has_process_barrier()) {
        GTEST_SKIP() << "this system has no barrier for a whole process";
    }
    constexpr int kRounds = 300;
    constexpr std::uint64_t kSteps = 200;
    for (int round = 0; round < kRounds; ++round) {
        SoleReading sole;
        std::atomic<std::uint64_t> counter{0};
        std::atomic<bool> running{false};
        std::uint64_t alone = 0;
        std::thread reader([&] {
            while (sole.begin()) {
                step(counter);
                sole.finish();
                ++alone;
                running.store(true, std::memory_order_relaxed);
            }
            sole.finish();
        });
        while (!running.load(std::memory_order_relaxed)) {
            std::this_thread::yield();
        }
        sole.take_away();
        for (std::uint64_t i = 0; i < kSteps; ++i) {
            step(counter);
        }
        reader.join();
        ASSERT_EQ(counter.load(), alone + kSteps) << "round " << round;
        EXPECT_TRUE(sole.is_over());
        EXPECT_FALSE(sole.begin()) << "for good";
        sole.finish();
        sole.take_away();
    }
}

// Catches: a visitor that adds a reader, waiting for itself.
TEST(SoleReading, CanBeTakenAwayByTheReaderBetweenItsReads) {
    if (!client::has_process_barrier()) {
        GTEST_SKIP() << "this system has no barrier for a whole process";
    }
    SoleReading sole;
    EXPECT_TRUE(sole.begin());
    sole.finish();
    sole.take_away();
    EXPECT_FALSE(sole.begin());
    sole.finish();
}

}  // namespace
}  // namespace aegis
