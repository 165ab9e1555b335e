// Each growth of a counter is told once.

#include "agent/client/loss_watch.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace aegis {
namespace {

using client::LossCounters;
using client::LossWatch;

// Catches: a baseline of zero, a total instead of the growth, a counter taken for another.
TEST(LossWatch, TellsTheGrowthOfEachCounterSinceItWasToldBefore) {
    LossWatch watch({10, 20, 30, 40});
    EXPECT_FALSE(watch.has_grown({10, 20, 30, 40}));
    EXPECT_EQ(watch.take({10, 20, 30, 40}), (LossCounters{0, 0, 0, 0}));
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        LossCounters now{10, 20, 30, 40};
        ++now[reason];
        EXPECT_TRUE(watch.has_grown(now)) << reason;
    }
    EXPECT_EQ(watch.take({11, 20, 33, 47}), (LossCounters{1, 0, 3, 7}));
    EXPECT_FALSE(watch.has_grown({11, 20, 33, 47}));
    EXPECT_EQ(watch.take({11, 25, 33, 47}), (LossCounters{0, 5, 0, 0}));
}

// The counters come from two places, the ring and the query, and a worker's look may be older than what is told.
// Catches: an old look that is told as a loss of 2^64 - 1, or sets back what is told.
TEST(LossWatch, AnOlderLookTellsNothing) {
    LossWatch watch({0, 0, 0, 0});
    EXPECT_EQ(watch.take({0, 0, 0, 9}), (LossCounters{0, 0, 0, 9}));
    EXPECT_FALSE(watch.has_grown({0, 0, 0, 5}));
    EXPECT_EQ(watch.take({0, 0, 0, 5}), (LossCounters{0, 0, 0, 0}));
    EXPECT_EQ(watch.take({0, 0, 0, 10}), (LossCounters{0, 0, 0, 1}));
}

// Workers that take the same growth at the same time, again and again.
// Catches: a load and a store where an exchange has to decide: two of them then tell it.
TEST(LossWatch, WorkersTogetherTellItOnce) {
    constexpr std::uint64_t kGrowth = 5'000'000;
    constexpr int kWorkers = 2;
    LossWatch watch({0, 0, 0, 0});
    std::atomic<int> ready = 0;
    std::atomic<std::uint64_t> told = 0;
    std::vector<std::thread> workers;
    for (int worker = 0; worker < kWorkers; ++worker) {
        workers.emplace_back([&] {
            ++ready;
            while (ready.load() < kWorkers) {
                std::this_thread::yield();
            }
            std::uint64_t mine = 0;
            for (std::uint64_t now = 1; now <= kGrowth; ++now) {
                mine += watch.take({0, now, 0, 0})[1];
            }
            told += mine;
        });
    }
    for (std::thread& worker : workers) {
        worker.join();
    }
    EXPECT_EQ(told.load(), kGrowth);
}

}  // namespace
}  // namespace aegis
