// policy/snapshot.hpp, as shipped: what decides is whole and alive, is in force from the reply on and not before, and
// takes no count with it when it goes.

#include <gmock/gmock.h>

#include <ostream>
#include <string>

#include "snapshot_program.hpp"

namespace aegis::model {
namespace {

using testing::HasSubstr;

void expect_correct(const SnapshotShape& shape) {
    const Result result = explore_snapshot(shape);
    EXPECT_TRUE(result.passed) << result.failure;
    EXPECT_GT(result.executions, 1U);
}

// Each catches: a free before the last reader has left; a slot that is opened before it is filled; readers let into a
// slot that is not closed; a reader that does not leave, or leaves twice.
TEST(Snapshot, WhatDecidesIsWholeAndAlive) {
    expect_correct({.readers = 1, .replacements = 1, .decisions = 2});
    expect_correct({.readers = 1, .replacements = 2, .decisions = 2});
    expect_correct({.readers = 2, .replacements = 1, .decisions = 1});
}

// A reader that was held up comes back to its slot when the third object is in it.
TEST(Snapshot, TheSecondUseOfASlotIsNotTheFirst) {
    expect_correct({.readers = 1, .replacements = 3, .decisions = 1});
    expect_correct({.readers = 1, .replacements = 2, .decisions = 3});
}

// Catches: a reader that takes an object for nothing, or nothing for an object, when the last one goes.
TEST(Snapshot, TheLastOneEnds) {
    expect_correct({.readers = 1, .replacements = 0, .ends = true, .decisions = 2});
    expect_correct({.readers = 1, .replacements = 1, .ends = true, .decisions = 2});
    expect_correct({.readers = 2, .replacements = 0, .ends = true, .decisions = 1});
}

// A tag that is kept beside the number lets a reader go back in time: it enters the new object, and then sees the tag
// of the old one. Catches: exchange() that stores the tag in a word of its own, before or after the number.
TEST(Snapshot, AReaderOfTheTagAloneDoesNotGoBackInTime) {
    for (const bool ends : {false, true}) {
        const Result result =
            explore_snapshot({.readers = 1, .replacements = 2, .ends = ends, .decisions = 3, .by_tag = true});
        EXPECT_TRUE(result.passed) << result.failure;
    }
}

// The mutant of acquire(): its second look left out.
TEST(Snapshot, WithoutTheSecondLookAnObjectDecidesTooEarly) {
    const Result result = explore_snapshot<ForgetfulMachine>({.readers = 1, .replacements = 2, .decisions = 2});
    EXPECT_FALSE(result.passed) << "not found in " << result.executions << " executions";
    EXPECT_THAT(result.failure, HasSubstr("an object decided before it was in force"));
}

struct Case {
    const char* name;
    Weakening weakening;
    const char* failure;
};

void PrintTo(const Case& weakened, std::ostream* out) {
    *out << weakened.name;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

// Run-down protection that orders less than nt/rundown.hpp promises is not enough, nor is a number that orders nothing.
class WeakenedSnapshot : public testing::TestWithParam<Case> {};

TEST_P(WeakenedSnapshot, IsFoundWrong) {
    Options options;
    options.weakening = GetParam().weakening;
    const Result result = explore_snapshot({.readers = 1, .replacements = 2, .decisions = 1}, options);
    EXPECT_GT(result.weakened, 0U) << "nothing was weakened";
    EXPECT_FALSE(result.passed) << "not found in " << result.executions << " executions";
    EXPECT_THAT(result.failure, HasSubstr(GetParam().failure));
}

Weakening relaxed(Action action, std::memory_order from, ThreadId thread, const char* location = kUsersName) {
    return {Weakening::Kind::kOrder, action, from, std::memory_order_relaxed, thread, location};
}

constexpr ThreadId kWriter = 0;
constexpr ThreadId kReader = 1;

INSTANTIATE_TEST_SUITE_P(
    Orders, WeakenedSnapshot,
    testing::Values(Case{"OpenReleasesNothing", relaxed(Action::kExchange, std::memory_order_release, kWriter),
                         "unfinished"},
                    Case{"EnterAcquiresNothing", relaxed(Action::kCompareExchange, std::memory_order_acquire, kReader),
                         "unfinished"},
                    Case{"LeaveReleasesNothing", relaxed(Action::kFetchAdd, std::memory_order_release, kReader),
                         "counted in an object that is gone"},
                    Case{"CloseAcquiresNothing", relaxed(Action::kFetchAdd, std::memory_order_acquire, kWriter),
                         "counted in an object that is gone"},
                    // A reader that sees the number and not the open slot tries again until it does.
                    Case{"TheNumberReleasesNothing",
                         relaxed(Action::kStore, std::memory_order_release, kWriter, kInForceName), "does not end"},
                    Case{"TheNumberAcquiresNothing",
                         relaxed(Action::kLoad, std::memory_order_acquire, kReader, kInForceName), "does not end"}),
    name_of);

}  // namespace
}  // namespace aegis::model
