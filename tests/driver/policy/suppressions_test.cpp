// What was kept back is told, all of it and once.

#include "policy/suppressions.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "driver/host/executive/executive.hpp"
#include "support/seed.hpp"

namespace aegis::test {
namespace {

using driver::DueNotes;

constexpr std::int64_t kWindow = 1000;

class Suppressions : public testing::Test {
  protected:
    void SetUp() override { state_->initialize(7); }

    std::vector<AEGIS_SUPPRESSED_PAYLOAD> left() {
        std::vector<AEGIS_SUPPRESSED_PAYLOAD> notes;
        AEGIS_SUPPRESSED_PAYLOAD note;
        while (state_->take_any(&note)) {
            notes.push_back(note);
        }
        return notes;
    }

    DueNotes open(std::uint64_t kind, std::int64_t now, std::uint32_t pid = 1) {
        DueNotes due;
        state_->open(kind, AEGIS_EVENT_PROCESS_CREATE, pid, now, kWindow, &due);
        return due;
    }

    host::Executive executive_;
    std::unique_ptr<driver::Suppressions> state_ = std::make_unique<driver::Suppressions>();
};

TEST_F(Suppressions, NothingKeptBackIsNothingToTell) {
    DueNotes due;
    state_->release_limited(AEGIS_EVENT_PROCESS_CREATE, &due);
    EXPECT_EQ(due.count, 0U);
    EXPECT_EQ(open(5, 0).count, 0U);
    EXPECT_TRUE(left().empty());
}

// Catches: a count of another type; a count told twice; the times of the first or last event lost.
TEST_F(Suppressions, LimitedEventsAreToldByTypeOnce) {
    state_->count_limited(1, 10);
    state_->count_limited(1, 20);
    state_->count_limited(2, 15);
    state_->count_limited(1, 30);
    DueNotes due;
    state_->release_limited(1, &due);
    ASSERT_EQ(due.count, 1U);
    const AEGIS_SUPPRESSED_PAYLOAD& note = due.notes[0];
    EXPECT_EQ(note.Count, 3U);
    EXPECT_EQ(note.FirstTime, 10);
    EXPECT_EQ(note.LastTime, 30);
    EXPECT_EQ(note.Generation, 7U);
    EXPECT_EQ(note.LikeTime, 0);
    EXPECT_EQ(note.LikeProcessId, 0U);
    EXPECT_EQ(note.Type, 1);
    EXPECT_EQ(note.Reason, AEGIS_SUPPRESSED_LIMITED);
    EXPECT_EQ(note.Reserved, 0);
    DueNotes again;
    state_->release_limited(1, &again);
    EXPECT_EQ(again.count, 0U);
    state_->count_limited(1, 40);
    state_->release_limited(1, &again);
    ASSERT_EQ(again.count, 1U);
    EXPECT_EQ(again.notes[0].Count, 1U);
    EXPECT_EQ(again.notes[0].FirstTime, 40);
    const auto rest = left();
    ASSERT_EQ(rest.size(), 1U);
    EXPECT_EQ(rest[0].Type, 2);
}

// Catches: a window with its end elsewhere, or that each merged event begins anew; a clock set back that merges for
// ever.
TEST_F(Suppressions, TheWindowBeginsWithTheEventThatWasPublished) {
    EXPECT_FALSE(state_->merge(5, 100, kWindow)) << "nothing was published";
    EXPECT_EQ(open(5, 100, 44).count, 0U);
    EXPECT_TRUE(state_->merge(5, 100, kWindow));
    EXPECT_TRUE(state_->merge(5, 100 + kWindow - 1, kWindow));
    EXPECT_FALSE(state_->merge(5, 100 + kWindow, kWindow));
    EXPECT_FALSE(state_->merge(5, 99, kWindow));
    EXPECT_FALSE(state_->merge(6, 101, kWindow));
    const DueNotes due = open(5, 100 + kWindow, 55);
    ASSERT_EQ(due.count, 1U);
    EXPECT_EQ(due.notes[0].Count, 2U);
    EXPECT_EQ(due.notes[0].FirstTime, 100);
    EXPECT_EQ(due.notes[0].LastTime, 100 + kWindow - 1);
    EXPECT_EQ(due.notes[0].LikeTime, 100);
    EXPECT_EQ(due.notes[0].LikeProcessId, 44U);
    EXPECT_EQ(due.notes[0].Type, AEGIS_EVENT_PROCESS_CREATE);
    EXPECT_EQ(due.notes[0].Reason, AEGIS_SUPPRESSED_MERGED);
    EXPECT_TRUE(left().empty());
}

// Another kind takes the place. Catches: a count that is overwritten; what was another kind's taken for merged.
TEST_F(Suppressions, WhoeverTakesThePlaceTellsWhatWasThere) {
    open(5, 100);
    EXPECT_TRUE(state_->merge(5, 101, kWindow));
    const DueNotes due = open(5 + 256, 102);
    ASSERT_EQ(due.count, 1U);
    EXPECT_EQ(due.notes[0].LikeTime, 100);
    EXPECT_FALSE(state_->merge(5, 103, kWindow));
    EXPECT_TRUE(state_->merge(5 + 256, 103, kWindow));
}

// Nobody comes back for it: others that are published take it along. Catches: a count that waits for its own kind.
TEST_F(Suppressions, AWindowThatIsOverIsToldByOthers) {
    open(5, 100);
    EXPECT_TRUE(state_->merge(5, 101, kWindow));
    std::uint64_t told = 0;
    for (std::uint64_t i = 0; i < 256; ++i) {
        const DueNotes due = open(1000 * 256 + 6, 100 + 2 * kWindow);
        for (std::size_t n = 0; n < due.count; ++n) {
            told += due.notes[n].Count;
        }
    }
    EXPECT_EQ(told, 1U);
    EXPECT_TRUE(left().empty());
}

// Catches: a window that is told before its time, which makes two notes of one.
TEST_F(Suppressions, AWindowThatGoesOnIsLeftAlone) {
    open(5, 100);
    EXPECT_TRUE(state_->merge(5, 101, kWindow));
    for (std::uint64_t i = 0; i < 256; ++i) {
        EXPECT_EQ(open(1000 * 256 + 6, 100 + kWindow - 1).count, 0U);
    }
    EXPECT_EQ(left().size(), 1U);
}

// At random: what was kept back is what is told. Catches: any count lost or told twice.
TEST_F(Suppressions, EveryCountIsToldOnce) {
    Random random = random_stream(0x5099);
    std::uint64_t kept_back = 0;
    std::uint64_t told = 0;
    std::int64_t now = 0;
    for (int i = 0; i < 20'000; ++i) {
        now += static_cast<std::int64_t>(random.below(400));
        const std::uint64_t kind = random.below(1024);
        DueNotes due;
        if (random.below(4) == 0) {
            state_->count_limited(static_cast<std::uint16_t>(random.below(AEGIS_POLICY_TYPES)), now);
            ++kept_back;
        } else if (state_->merge(kind, now, kWindow)) {
            ++kept_back;
        } else {
            state_->release_limited(static_cast<std::uint16_t>(random.below(AEGIS_POLICY_TYPES)), &due);
            state_->open(kind, 1, 1, now, kWindow, &due);
        }
        ASSERT_LE(due.count, DueNotes::kMost);
        for (std::size_t n = 0; n < due.count; ++n) {
            told += due.notes[n].Count;
        }
    }
    for (const AEGIS_SUPPRESSED_PAYLOAD& note : left()) {
        told += note.Count;
    }
    EXPECT_EQ(told, kept_back);
}

// Catches: a count without the lock.
TEST_F(Suppressions, ThreadsLoseNoCount) {
    constexpr int kEach = 5000;
    std::atomic<std::uint64_t> told = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < kEach; ++i) {
                state_->count_limited(1, i);
                DueNotes due;
                if (i % 7 == 0) {
                    state_->release_limited(1, &due);
                }
                told += due.count == 0 ? 0 : due.notes[0].Count;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const AEGIS_SUPPRESSED_PAYLOAD& note : left()) {
        told += note.Count;
    }
    EXPECT_EQ(told, 3U * kEach);
}

}  // namespace
}  // namespace aegis::test
