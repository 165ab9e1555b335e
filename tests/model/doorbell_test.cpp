// DoorbellListener and DoorbellRinger, as shipped: no lost wakeup, no signal to a consumer that is awake, at most one
// signal per batch.

#include <gmock/gmock.h>

#include "doorbell_program.hpp"

namespace aegis::model {
namespace {

// As many cells as events, so that nothing is lost: a lapped reader may find that it has to wait for the producer to
// complete what laps it, which random_test.cpp has.
using HeaderOnly = ModelRing<4, 0>;

void expect_correct(const DoorbellShape& shape) {
    const Result result = explore_doorbell<HeaderOnly>(shape);
    EXPECT_TRUE(result.passed) << result.failure;
}

// Each catches: a fence weaker than full on either side, the look after arming left out or at the wrong ticket,
// an off-by-one in wake_at or in the producer's comparison, an exchange that is a load and a store.
TEST(Doorbell, NoWakeupIsLost) {
    expect_correct({.events = 1});
    expect_correct({.events = 2});
    expect_correct({.events = 3});
}

TEST(Doorbell, SpuriousWakeupsAndTimeoutsAreHarmless) {
    expect_correct({.events = 1, .early_ends = 2});
    expect_correct({.events = 2, .early_ends = 2});
}

// Catches also: a bell for the first event instead of the last of a batch.
TEST(Doorbell, ABatchRingsOnce) {
    expect_correct({.events = 2, .batch = 2});
    expect_correct({.events = 3, .batch = 2});
    expect_correct({.events = 4, .batch = 2});
}

// A bell that rings while the consumer disarms: its signal meets the next wait, and its exchange may have taken the
// next arming.
//
// Catches: a wait that ends with that signal (then a batch costs two); one that goes on with its arming gone (then it
// never ends).
TEST(Doorbell, ALateBellNeitherEndsTheNextWaitNorTakesItsArming) {
    expect_correct({.events = 3, .batch = 2, .early_ends = 2});
    expect_correct({.events = 3, .batch = 2, .close = true});
}

// The smallest case has five events, which takes minutes to explore. These executions have been seen to contain it.
//
// Catches: a second arming for a batch that has been rung for: the look at the bell relaxed, or no look at it.
TEST(Doorbell, ABatchThatHasRungIsNotArmedAgain) {
    Options options;
    options.seed = 3;
    options.random_executions = 40000;
    const Result result = explore_doorbell<ModelRing<9, 0>>({.events = 9, .batch = 2}, options);
    EXPECT_TRUE(result.passed) << result.failure;
}

TEST(Doorbell, ABatchWithTimeoutsLosesNothing) {
    expect_correct({.events = 2, .batch = 2, .early_ends = 2});
    expect_correct({.events = 3, .batch = 2, .early_ends = 1});
}

// Catches: a ring that stops after the first bell, or hands out another consumer's token.
TEST(Doorbell, TwoConsumersEachGetTheirBell) {
    expect_correct({.consumers = 2, .events = 1});
}

// Catches: remove() that forgets the last entry, or leaves the removed one behind (its word is dead then).
TEST(Doorbell, ConsumersComeAndGoUnderThePublishLock) {
    expect_correct({.events = 1, .registers_late = true});
    expect_correct({.events = 2, .registers_late = true});
    expect_correct({.consumers = 2, .events = 1, .registers_late = true});
}

// Catches: an arm that does not look at the state, a ring_all that leaves out bells that are not due, a close that
// rings before it marks.
TEST(Doorbell, ClosingWakesEverySleeper) {
    expect_correct({.events = 1, .close = true});
    expect_correct({.events = 1, .batch = 2, .early_ends = 1, .close = true});
    expect_correct({.events = 2, .batch = 2, .close = true});
}

// The fences alone do it; the kernel's own ordering comes on top.
TEST(Doorbell, NoWakeupIsLostEvenIfTheEventOrdersNoMemory) {
    expect_correct({.events = 2, .early_ends = 1, .event_orders_memory = false});
    expect_correct({.events = 3, .batch = 2, .event_orders_memory = false});
}

}  // namespace
}  // namespace aegis::model
