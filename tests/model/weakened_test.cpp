// The shipped headers with one memory order or fence weakened at a time: the explorer must find the failure, so each
// of them is needed, and the explorer can see it.

#include <gmock/gmock.h>

#include <ostream>
#include <string>

#include "broadcast_program.hpp"
#include "doorbell_program.hpp"

namespace aegis::model {
namespace {

using testing::HasSubstr;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kAcqRel = std::memory_order_acq_rel;
constexpr auto kSeqCst = std::memory_order_seq_cst;

constexpr ThreadId kProducer = 0;
constexpr ThreadId kConsumer = 1;

Weakening order(Action action, std::memory_order from, std::memory_order to, ThreadId thread,
                const char* location = nullptr) {
    return {Weakening::Kind::kOrder, action, from, to, thread, location};
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

void expect_found(const Case& weakened, const Result& result) {
    EXPECT_GT(result.weakened, 0U) << "nothing was weakened";
    EXPECT_FALSE(result.passed) << "not found in " << result.executions << " executions";
    EXPECT_THAT(result.failure, HasSubstr(weakened.failure));
    EXPECT_THAT(result.failure, HasSubstr("[weakened]"));
}

class WeakenedRing : public testing::TestWithParam<Case> {};

TEST_P(WeakenedRing, IsFoundWrong) {
    Options options;
    options.weakening = GetParam().weakening;
    expect_found(GetParam(), explore_broadcast<ModelRing<2, 1>>({.before = 2, .during = 2, .attempts = 2}, options));
}

// With events of two cells: the fences stand for the later pieces as well.
TEST_P(WeakenedRing, IsFoundWrongWithSeveralCells) {
    Options options;
    options.weakening = GetParam().weakening;
    expect_found(GetParam(),
                 explore_broadcast<ModelRingOf<3, 2, 1>>({.before = 2, .during = 2, .attempts = 2}, options));
}

INSTANTIATE_TEST_SUITE_P(
    Orders, WeakenedRing,
    testing::Values(
        Case{"NoReleaseFenceAfterTheOddMark", order(Action::kFence, kRelease, kRelaxed, kProducer), "torn"},
        Case{"AcquireFenceAfterTheOddMark", order(Action::kFence, kRelease, kAcquire, kProducer), "torn"},
        Case{"NoAcquireFenceBeforeTheSecondLook", order(Action::kFence, kAcquire, kRelaxed, kConsumer), "torn"},
        Case{"ReleaseFenceBeforeTheSecondLook", order(Action::kFence, kAcquire, kRelease, kConsumer), "torn"}),
    name_of);

// A reader that follows the producer's heels.
class WeakenedArrival : public testing::TestWithParam<Case> {};

TEST_P(WeakenedArrival, IsFoundWrong) {
    Options options;
    options.weakening = GetParam().weakening;
    expect_found(GetParam(), explore_broadcast<ModelRing<2, 1>>({.during = 1, .attempts = 1}, options));
}

INSTANTIATE_TEST_SUITE_P(
    Orders, WeakenedArrival,
    testing::Values(Case{"EvenMarkRelaxed", order(Action::kStore, kRelease, kRelaxed, kProducer, kVersionName), "torn"},
                    Case{"FirstLookRelaxed", order(Action::kLoad, kAcquire, kRelaxed, kConsumer, kVersionName),
                         "torn"}),
    name_of);

// The count says that a batch is there: it is.
class WeakenedCount : public testing::TestWithParam<Case> {};

TEST_P(WeakenedCount, IsFoundWrong) {
    Options options;
    options.weakening = GetParam().weakening;
    expect_found(GetParam(), explore_doorbell<ModelRing<2, 0>>({.events = 1}, options));
}

INSTANTIATE_TEST_SUITE_P(
    Orders, WeakenedCount,
    testing::Values(Case{"CountStoredRelaxed", order(Action::kStore, kRelease, kRelaxed, kProducer, kPublishedName),
                         "nothing can be read"},
                    Case{"CountLoadedRelaxed", order(Action::kLoad, kAcquire, kRelaxed, kConsumer, kPublishedName),
                         "nothing can be read"}),
    name_of);

// The newest position shows the marks of all cells up to it: without that the search goes past events that are intact.
// (Stored relaxed it would show those of all cells before it, because of the release fence of the same publish, and the
// reader would look once more. It is stored with release all the same, so that it means what it says.)
class WeakenedNewest : public testing::TestWithParam<Case> {};

TEST_P(WeakenedNewest, IsFoundWrong) {
    Options options;
    options.weakening = GetParam().weakening;
    expect_found(GetParam(), explore_broadcast<ModelRing<4, 0>>({.during = 5, .attempts = 1}, options));
}

INSTANTIATE_TEST_SUITE_P(Orders, WeakenedNewest,
                         testing::Values(Case{"NewestLoadedRelaxed",
                                              order(Action::kLoad, kAcquire, kRelaxed, kConsumer, kNewestName),
                                              "gave up more"}),
                         name_of);

class WeakenedClosing : public testing::TestWithParam<Case> {};

TEST_P(WeakenedClosing, IsFoundWrong) {
    Options options;
    options.weakening = GetParam().weakening;
    expect_found(GetParam(), explore_broadcast<ModelRing<2, 0>>({.during = 1, .attempts = 0, .close = true}, options));
}

INSTANTIATE_TEST_SUITE_P(
    Orders, WeakenedClosing,
    testing::Values(Case{"StateStoredRelaxed", order(Action::kStore, kRelease, kRelaxed, kProducer, kStateName),
                         "closing was seen before the last event"},
                    Case{"StateLoadedRelaxed", order(Action::kLoad, kAcquire, kRelaxed, kConsumer, kStateName),
                         "closing was seen before the last event"}),
    name_of);

class WeakenedDoorbell : public testing::TestWithParam<Case> {};

TEST_P(WeakenedDoorbell, LosesAWakeup) {
    Options options;
    options.weakening = GetParam().weakening;
    expect_found(GetParam(), explore_doorbell<ModelRing<2, 0>>({.events = 1}, options));
}

INSTANTIATE_TEST_SUITE_P(
    Orders, WeakenedDoorbell,
    testing::Values(
        Case{"NoFenceInArm", order(Action::kFence, kSeqCst, kRelaxed, kConsumer), "lost wakeup"},
        Case{"AcquireReleaseFenceInArm", order(Action::kFence, kSeqCst, kAcqRel, kConsumer), "lost wakeup"},
        Case{"NoFenceInRing", order(Action::kFence, kSeqCst, kRelaxed, kProducer), "lost wakeup"},
        Case{"AcquireReleaseFenceInRing", order(Action::kFence, kSeqCst, kAcqRel, kProducer), "lost wakeup"},
        Case{"AcquireReleaseFencesOnly", order(Action::kFence, kSeqCst, kAcqRel, kAnyThread), "lost wakeup"}),
    name_of);

// A consumer that disarms and arms again between the two halves has its new arming wiped out unseen.
TEST(WeakenedDoorbellExchange, AsLoadAndStoreLosesAWakeup) {
    Options options;
    options.weakening.kind = Weakening::Kind::kSplitExchange;
    const Result result = explore_doorbell<ModelRing<4, 0>>({.events = 3, .early_ends = 1}, options);
    EXPECT_GT(result.weakened, 0U);
    EXPECT_FALSE(result.passed);
    EXPECT_THAT(result.failure, HasSubstr("lost wakeup"));
}

}  // namespace
}  // namespace aegis::model
