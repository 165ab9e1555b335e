// Producer and Consumer, as shipped, under every schedule and with every value that each load may see.
//
// Each shape catches: either fence or either version order weakened, the second look or the odd mark left out or at
// the wrong place, the copy before the first look, a size taken from another lap, a wrong resume ticket or loss count.
// weakened_test.cpp shows the same of the orders, one by one.

#include <gmock/gmock.h>

#include "broadcast_program.hpp"

namespace aegis::model {
namespace {

using Start = BroadcastShape::Start;
using HeaderOnly = ModelRing<2, 0>;
using OneWord = ModelRing<2, 1>;
using TwoWords = ModelRing<2, 2>;
using FourSlots = ModelRing<4, 0>;

template <class Ring>
void expect_correct(const BroadcastShape& shape) {
    const Result result = explore_broadcast<Ring>(shape);
    EXPECT_TRUE(result.passed) << result.failure;
    testing::Test::RecordProperty("executions", std::to_string(result.executions));
}

TEST(Broadcast, TwoLapsAndAHalfUnderFourReads) {
    expect_correct<OneWord>({.during = 5, .attempts = 4});
}

TEST(Broadcast, ALapUnderManyReads) {
    expect_correct<OneWord>({.before = 1, .during = 3, .attempts = 6});
}

TEST(Broadcast, LappedBeforeTheFirstRead) {
    expect_correct<OneWord>({.before = 3, .during = 4, .attempts = 3});
}

TEST(Broadcast, EventsOfOneSlotDifferInSize) {
    expect_correct<TwoWords>({.before = 2, .during = 3, .attempts = 3});
}

TEST(Broadcast, FourSlotsResumeWithAQuarterOfHeadroom) {
    expect_correct<FourSlots>({.before = 4, .during = 5, .attempts = 3});
}

TEST(Broadcast, TwoConsumersEachSeeEverything) {
    expect_correct<OneWord>({.consumers = 2, .before = 1, .during = 2, .attempts = 3});
    expect_correct<HeaderOnly>({.consumers = 2, .before = 2, .during = 2, .attempts = 2});
}

// Catches: a start beyond what is published, or before what is kept and then not counted as lost.
TEST(Broadcast, ALateJoinerMayTrustTheSharedCount) {
    expect_correct<OneWord>({.before = 1, .during = 3, .attempts = 3, .start = Start::kOldest});
    expect_correct<OneWord>({.before = 1, .during = 3, .attempts = 3, .start = Start::kNow});
}

// Catches: the state stored or loaded relaxed.
TEST(Broadcast, WhoSeesClosingSeesEveryEvent) {
    expect_correct<OneWord>({.during = 2, .attempts = 2, .close = true});
    expect_correct<HeaderOnly>({.before = 1, .during = 3, .attempts = 1, .close = true});
}

TEST(Broadcast, ProducersUnderOneLockAreOneProducer) {
    expect_correct<HeaderOnly>({.producers = 2, .before = 1, .during = 2, .attempts = 2});
}

}  // namespace
}  // namespace aegis::model
