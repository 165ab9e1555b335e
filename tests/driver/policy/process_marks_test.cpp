// Which process keeps a mark, for how long, and what happens when there is no room.

#include "policy/process_marks.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "support/seed.hpp"

namespace aegis::test {
namespace {

using driver::ProcessMark;

class ProcessMarks : public testing::Test {
  protected:
    std::unique_ptr<driver::ProcessMarks> marks_ = std::make_unique<driver::ProcessMarks>();
};

TEST_F(ProcessMarks, AMarkIsTakenOnce) {
    EXPECT_EQ(marks_->take(8), ProcessMark::kNone);
    EXPECT_TRUE(marks_->set(8, ProcessMark::kDropped));
    EXPECT_TRUE(marks_->set(12, ProcessMark::kRefused));
    EXPECT_EQ(marks_->look(8), ProcessMark::kDropped);
    EXPECT_EQ(marks_->look(9), ProcessMark::kNone);
    EXPECT_EQ(marks_->take(8), ProcessMark::kDropped);
    EXPECT_EQ(marks_->look(8), ProcessMark::kNone);
    EXPECT_EQ(marks_->take(8), ProcessMark::kNone);
    EXPECT_EQ(marks_->take(12), ProcessMark::kRefused);
}

// Catches: two marks of one pid, of which the older is found.
TEST_F(ProcessMarks, ALaterMarkReplacesTheEarlier) {
    EXPECT_TRUE(marks_->set(8, ProcessMark::kDropped));
    EXPECT_TRUE(marks_->set(8, ProcessMark::kReported));
    EXPECT_EQ(marks_->take(8), ProcessMark::kReported);
    EXPECT_EQ(marks_->take(8), ProcessMark::kNone);
    EXPECT_TRUE(marks_->set(8, ProcessMark::kDropped));
    EXPECT_TRUE(marks_->set(8, ProcessMark::kNone));
    EXPECT_EQ(marks_->take(8), ProcessMark::kNone);
}

// Pid 0 and the largest are pids as any other.
TEST_F(ProcessMarks, EveryNumberIsAPid) {
    for (const std::uint32_t pid : {0U, 1U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
        EXPECT_EQ(marks_->take(pid), ProcessMark::kNone) << pid;
        EXPECT_TRUE(marks_->set(pid, ProcessMark::kDropped)) << pid;
        EXPECT_EQ(marks_->take(pid ^ 1), ProcessMark::kNone) << pid;
        EXPECT_EQ(marks_->take(pid), ProcessMark::kDropped) << pid;
    }
}

// Thousands of pids as NT and as Linux give them find room. Catches: pids that all share few lines.
TEST_F(ProcessMarks, OrdinaryPidsSpread) {
    for (const std::uint32_t step : {1U, 4U}) {
        std::uint32_t refused = 0;
        for (std::uint32_t i = 0; i < 2000; ++i) {
            refused += marks_->set(4000 + i * step, ProcessMark::kDropped) ? 0 : 1;
        }
        EXPECT_LT(refused, 20U) << step;
        marks_->clear();
        EXPECT_EQ(marks_->take(4000), ProcessMark::kNone);
    }
}

// Random marks against a map; where there was no room, none. Catches: a mark lost, or found for another pid, also in a
// full line.
TEST_F(ProcessMarks, AgreesWithAMap) {
    Random random = random_stream(0x3A7);
    std::map<std::uint32_t, ProcessMark> expected;
    std::uint32_t without_room = 0;
    for (int i = 0; i < 100'000; ++i) {
        const auto pid = static_cast<std::uint32_t>(random.below(8000));
        if (random.below(3) == 0) {
            const auto found = expected.find(pid);
            ASSERT_EQ(marks_->take(pid), found == expected.end() ? ProcessMark::kNone : found->second);
            expected.erase(pid);
            continue;
        }
        const auto mark = static_cast<ProcessMark>(random.below(4));
        expected.erase(pid);
        if (!marks_->set(pid, mark)) {
            ++without_room;
        } else if (mark != ProcessMark::kNone) {
            expected[pid] = mark;
        }
    }
    EXPECT_GT(without_room, 0U) << "no line was ever full";
}

// Each thread has processes of its own, as each creating thread has, and they share lines. Catches: a place that two
// get.
TEST_F(ProcessMarks, ThreadsDoNotDisturbEachOther) {
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (std::uint32_t i = 0; i < 20'000; ++i) {
                const std::uint32_t pid = (i % 512) * 4 + t;
                const auto mark = static_cast<ProcessMark>(1 + t % 3);
                const bool set = marks_->set(pid, mark);
                wrong += marks_->take(pid) == (set ? mark : ProcessMark::kNone) ? 0 : 1;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace aegis::test
