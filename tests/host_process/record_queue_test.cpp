// The queue between the connector's reader and the thread that makes sense of what it read.
#include "driver/host/sources/record_queue.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace aegis::test {
namespace {

using host::sources::ActivityRecord;
using host::sources::RecordQueue;

std::vector<ActivityRecord> records(std::size_t count) {
    return std::vector<ActivityRecord>(count);
}

void push(RecordQueue& queue, std::size_t count, std::uint64_t lost_before) {
    std::vector<ActivityRecord> batch = records(count);
    queue.push(batch, lost_before);
    EXPECT_TRUE(batch.empty());
}

bool is_readable(const RecordQueue& queue) {
    pollfd fd = {queue.descriptor(), POLLIN, 0};
    return poll(&fd, 1, 0) == 1;
}

// Catches: a loss told in another place, twice, or with another count.
TEST(RecordQueue, TellsALossBeforeTheRecordThatFollowsIt) {
    RecordQueue queue;
    push(queue, 2, 0);
    push(queue, 2, 5);
    push(queue, 0, 3);
    push(queue, 1, 4);
    std::vector<ActivityRecord> taken;
    EXPECT_EQ(queue.take(taken), 0U);
    ASSERT_EQ(taken.size(), 5U);
    EXPECT_EQ(taken[0].lost_before, 0U);
    EXPECT_EQ(taken[1].lost_before, 0U);
    EXPECT_EQ(taken[2].lost_before, 5U);
    EXPECT_EQ(taken[3].lost_before, 0U);
    EXPECT_EQ(taken[4].lost_before, 7U);
    EXPECT_FALSE(is_readable(queue));
    EXPECT_EQ(queue.take(taken), 0U);
    EXPECT_TRUE(taken.empty());
}

// Catches: a loss that waits for a record that may never come.
TEST(RecordQueue, ALossAloneIsSomethingToTake) {
    RecordQueue queue;
    push(queue, 0, 0);
    EXPECT_FALSE(is_readable(queue));
    push(queue, 0, 6);
    EXPECT_TRUE(is_readable(queue));
    std::vector<ActivityRecord> taken;
    EXPECT_EQ(queue.take(taken), 6U);
    EXPECT_FALSE(is_readable(queue));
    push(queue, 1, 0);
    EXPECT_TRUE(is_readable(queue));
    EXPECT_EQ(queue.take(taken), 0U);
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].lost_before, 0U);
}

// Catches: records dropped without being counted where they are missing.
TEST(RecordQueue, WhatDoesNotFitIsALossBehindTheLastThatFits) {
    RecordQueue queue;
    push(queue, RecordQueue::kCapacity - 1, 0);
    push(queue, 4, 0);
    push(queue, 2, 1);
    EXPECT_EQ(queue.dropped(), 5U);
    std::vector<ActivityRecord> taken;
    EXPECT_EQ(queue.take(taken), 6U) << "three and two that did not fit, and one that was missing before";
    EXPECT_EQ(taken.size(), RecordQueue::kCapacity);
    push(queue, 1, 0);
    EXPECT_EQ(queue.take(taken), 0U) << "told twice";
    EXPECT_EQ(taken.front().lost_before, 0U);
}

// Catches: arguments without a bound of their own; a record that is dropped for them; a bound that never ends.
TEST(RecordQueue, ArgumentsThatDoNotFitLeaveTheirRecordWithout) {
    RecordQueue queue;
    constexpr std::size_t kBytes = std::size_t{1} << 20;
    constexpr std::size_t kFitting = RecordQueue::kMostArgumentBytes / kBytes;
    for (int round = 0; round < 2; ++round) {
        std::vector<ActivityRecord> batch = records(kFitting + 2);
        for (ActivityRecord& record : batch) {
            record.details.arguments.emplace(kBytes, 'x');
        }
        queue.push(batch, 0);
        EXPECT_EQ(queue.take(batch), 0U);
        ASSERT_EQ(batch.size(), kFitting + 2);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            EXPECT_EQ(batch[i].details.arguments.has_value(), i < kFitting) << i;
        }
    }
}

}  // namespace
}  // namespace aegis::test
