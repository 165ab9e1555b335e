// Which processes have no thread yet: bounded, and right for as many as there are at a time.

#include "sensors/first_threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace aegis::test {
namespace {

using driver::expect_first_thread;
using driver::forget_first_thread;
using driver::kMostExpectedThreads;
using driver::take_first_thread;

class FirstThreads : public testing::Test {
  protected:
    void SetUp() override { driver::reset_first_threads(); }
};

// Catches: a slot that is not used, or used twice; a number that stays when it was taken.
TEST_F(FirstThreads, AsManyAsItHoldsAreTakenOnce) {
    for (std::uint32_t i = 1; i <= kMostExpectedThreads; ++i) {
        expect_first_thread(i * 4);
    }
    for (std::uint32_t i = kMostExpectedThreads; i >= 1; --i) {
        EXPECT_TRUE(take_first_thread(i * 4)) << i;
        EXPECT_FALSE(take_first_thread(i * 4)) << i;
    }
}

// Catches: a full table that takes nobody any more: what stays in it is what was refused.
TEST_F(FirstThreads, AFullTableGivesWayToTheNewest) {
    for (std::uint32_t i = 1; i <= kMostExpectedThreads; ++i) {
        expect_first_thread(i * 4);
    }
    constexpr std::uint32_t kNewest = 1'000'000;
    expect_first_thread(kNewest);
    EXPECT_TRUE(take_first_thread(kNewest));
    std::uint32_t left = 0;
    for (std::uint32_t i = 1; i <= kMostExpectedThreads; ++i) {
        left += take_first_thread(i * 4) ? 1 : 0;
    }
    EXPECT_EQ(left, kMostExpectedThreads - 1);
}

TEST_F(FirstThreads, WhatIsForgottenIsNotTaken) {
    expect_first_thread(8);
    expect_first_thread(12);
    forget_first_thread(8);
    forget_first_thread(16);
    EXPECT_FALSE(take_first_thread(8));
    EXPECT_TRUE(take_first_thread(12));
    expect_first_thread(20);
    driver::reset_first_threads();
    EXPECT_FALSE(take_first_thread(20));
}

// Processors that create processes at the same time. Catches: a slot claimed by a store instead of an exchange.
TEST_F(FirstThreads, ProcessorsDoNotTakeEachOthersSlots) {
    std::atomic<std::uint32_t> missing{0};
    std::vector<std::thread> processors;
    for (std::uint32_t processor = 1; processor <= 4; ++processor) {
        processors.emplace_back([&missing, processor] {
            for (std::uint32_t i = 1; i <= 20'000; ++i) {
                const std::uint32_t pid = (processor << 24) + i * 4;
                expect_first_thread(pid);
                missing += take_first_thread(pid) ? 0 : 1;
            }
        });
    }
    for (std::thread& processor : processors) {
        processor.join();
    }
    EXPECT_EQ(missing.load(), 0U);
}

}  // namespace
}  // namespace aegis::test
