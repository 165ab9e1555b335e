// Larger programs than can be explored exhaustively, with random schedules and values.
//
// AEGIS_MODEL_SEED repeats a run, AEGIS_MODEL_EXECUTIONS makes it longer.

#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "broadcast_program.hpp"
#include "doorbell_program.hpp"
#include "group_program.hpp"

namespace aegis::model {
namespace {

using testing::HasSubstr;

using Large = ModelRing<4, 2>;

constexpr std::uint64_t kExecutions = 4000;

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

Options random_options() {
    Options options;
    options.seed = number_from_environment("AEGIS_MODEL_SEED", std::random_device()());
    options.random_executions = number_from_environment("AEGIS_MODEL_EXECUTIONS", kExecutions);
    std::printf("AEGIS_MODEL_SEED=%llu\n", static_cast<unsigned long long>(options.seed));
    return options;
}

void expect_correct(const Result& result) {
    EXPECT_TRUE(result.passed) << result.failure;
}

TEST(Random, ManyLapsUnderTwoConsumers) {
    expect_correct(
        explore_broadcast<Large>({.consumers = 2, .before = 2, .during = 16, .attempts = 16}, random_options()));
}

TEST(Random, TwoProducersAndTwoJoiners) {
    expect_correct(explore_broadcast<Large>({.producers = 2,
                                             .consumers = 2,
                                             .before = 3,
                                             .during = 6,
                                             .attempts = 12,
                                             .start = BroadcastShape::Start::kOldest},
                                            random_options()));
}

TEST(Random, ThreeMembersOfAGroup) {
    expect_correct(explore_group<GroupProgram<Large>>({.members = 3, .before = 2, .during = 12, .attempts = 10},
                                                      random_options()));
}

TEST(Random, TwoSleepersWithBatchesAndTimeouts) {
    expect_correct(
        explore_doorbell<Large>({.consumers = 2, .events = 12, .batch = 3, .early_ends = 4}, random_options()));
}

TEST(Random, TwoSleepersWokenForEachEvent) {
    expect_correct(explore_doorbell<Large>({.consumers = 2, .events = 12, .early_ends = 2, .registers_late = true},
                                           random_options()));
}

// The search is worth its time: it finds what is known to be wrong.
Options weakened(Action action, std::memory_order from, std::memory_order to) {
    Options options;
    options.random_executions = kExecutions;
    options.weakening = {Weakening::Kind::kOrder, action, from, to, kAnyThread, nullptr};
    return options;
}

TEST(Random, FindsATornReadWithoutTheReleaseFence) {
    const Result result =
        explore_broadcast<Large>({.consumers = 2, .before = 2, .during = 16, .attempts = 16},
                                 weakened(Action::kFence, std::memory_order_release, std::memory_order_relaxed));
    // A torn ticket shows as a wrong loss.
    EXPECT_THAT(result.failure, testing::AnyOf(HasSubstr("torn"), HasSubstr("gave up more")));
}

TEST(Random, FindsATornReadWithoutTheAcquireFence) {
    const Result result =
        explore_broadcast<Large>({.consumers = 2, .before = 2, .during = 16, .attempts = 16},
                                 weakened(Action::kFence, std::memory_order_acquire, std::memory_order_relaxed));
    EXPECT_THAT(result.failure, HasSubstr("torn"));
}

TEST(Random, FindsALostWakeupWithoutFullFences) {
    const Result result = explore_doorbell<Large>(
        {.consumers = 2, .events = 12}, weakened(Action::kFence, std::memory_order_seq_cst, std::memory_order_acq_rel));
    EXPECT_THAT(result.failure, HasSubstr("lost wakeup"));
}

}  // namespace
}  // namespace aegis::model
