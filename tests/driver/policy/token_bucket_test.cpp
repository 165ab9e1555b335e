// The token bucket against one that is filled up as time goes by.

#include "policy/token_bucket.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "support/seed.hpp"

namespace aegis::test {
namespace {

constexpr std::int64_t kSecond = 10'000'000;
constexpr std::int64_t kStart = 0x01DC000012345678;

driver::TokenBucket& reset(driver::TokenBucket& bucket, std::uint32_t per_second, std::uint32_t burst) {
    bucket.initialize(per_second, burst, kStart);
    return bucket;
}

int taken(driver::TokenBucket& bucket, std::int64_t now, int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) {
        count += bucket.take(now) ? 1 : 0;
    }
    return count;
}

TEST(TokenBucket, WithoutALimitThereIsAlwaysOne) {
    driver::TokenBucket bucket;
    EXPECT_EQ(taken(reset(bucket, 0, 0), kStart, 1000), 1000);
}

// Catches: one token more or less than the burst; tokens that come back too early or not at all; more than the burst
// after a long time.
TEST(TokenBucket, ABurstAndThenSoManyASecond) {
    driver::TokenBucket bucket;
    reset(bucket, 4, 3);
    EXPECT_EQ(taken(bucket, kStart, 10), 3);
    EXPECT_EQ(taken(bucket, kStart + kSecond / 4 - 1, 10), 0);
    EXPECT_EQ(taken(bucket, kStart + kSecond / 4, 10), 1);
    EXPECT_EQ(taken(bucket, kStart + kSecond, 10), 3);
    EXPECT_EQ(taken(bucket, kStart + 1000 * kSecond, 10), 3);
}

// Catches: a bucket that stays empty until a clock that was set back has caught up.
TEST(TokenBucket, AClockThatIsSetBackFindsItFull) {
    driver::TokenBucket bucket;
    reset(bucket, 1, 2);
    EXPECT_EQ(taken(bucket, kStart + 3600 * kSecond, 5), 2);
    EXPECT_EQ(taken(bucket, kStart, 5), 2);
    EXPECT_EQ(taken(bucket, kStart - 3600 * kSecond, 5), 2);
}

TEST(TokenBucket, AnyTimeIsATime) {
    driver::TokenBucket bucket;
    reset(bucket, 1, 1);
    for (const std::int64_t now :
         {INT64_MIN, INT64_MIN + 1, std::int64_t{-1}, std::int64_t{0}, INT64_MAX - 1, INT64_MAX}) {
        reset(bucket, 1, 1);
        EXPECT_EQ(taken(bucket, now, 3), 1) << now;
    }
}

// Catches: rounding that adds up.
TEST(TokenBucket, AgreesWithOneThatIsFilledUp) {
    const std::uint64_t seed = run_seed();
    std::mt19937_64 random(seed);
    for (int round = 0; round < 50; ++round) {
        const auto per_second = static_cast<std::uint32_t>(1 + random() % 100'000);
        const auto burst = static_cast<std::uint32_t>(1 + random() % 50);
        driver::TokenBucket bucket;
        reset(bucket, per_second, burst);
        double tokens = burst;
        std::int64_t now = kStart;
        for (int i = 0; i < 500; ++i) {
            const auto step = static_cast<std::int64_t>(random() % (4 * kSecond / per_second + 2));
            now += step;
            tokens = std::min<double>(burst, tokens + static_cast<double>(step) * per_second / kSecond);
            // Where the two may round differently there is nothing to tell.
            const bool close_call = std::abs(tokens - 1) < 1e-3;
            const bool taken_here = bucket.take(now);
            if (!close_call) {
                ASSERT_EQ(taken_here, tokens >= 1) << "seed " << seed << " round " << round << " step " << i;
            }
            tokens -= taken_here ? 1 : 0;
        }
    }
}

// Catches: a token that two threads take.
TEST(TokenBucket, ThreadsShareTheBurst) {
    driver::TokenBucket bucket;
    reset(bucket, 1, 10'000);
    std::atomic<int> all = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] { all += taken(bucket, kStart, 5000); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(all, 10'000);
}

}  // namespace
}  // namespace aegis::test
