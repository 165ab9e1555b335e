// Readers in processes of their own, over mappings they cannot write to.

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdint>
#include <vector>

#include "aegis/ring/producer.hpp"
#include "contention/child_reader.hpp"
#include "contention/doorbell_rig.hpp"
#include "contention/jitter_atomics.hpp"
#include "contention/scale.hpp"
#include "contention/sleepers.hpp"
#include "support/seed.hpp"

namespace aegis {
namespace {

class Processes : public testing::TestWithParam<std::size_t> {};

INSTANTIATE_TEST_SUITE_P(Readers, Processes, testing::Values(1, 2, 8), testing::PrintToStringParamName());

// Catches: a reader that writes to shared memory (it would die of SIGSEGV), and all that threads catch.
TEST_P(Processes, ReadOverReadOnlyMappings) {
    const std::size_t readers = GetParam();
    const std::uint64_t events = test::scaled(60000);
    const test::EventRecipe recipe(test::run_seed(), 0, test::EventRecipe::kLargestPayload);
    const test::SharedRing ring(64);
    test::Shared<test::Traffic> traffic;
    test::Shared<test::Report> reports(readers);
    std::vector<test::ChildProcess> children;
    for (std::size_t who = 0; who < readers; ++who) {
        children.emplace_back([&, who] {
            test::Jitter::seed(test::random_stream(who).next());
            if (who % 2 == 0) {
                test::read_in_child<ring::StdAtomics>(ring, {}, recipe, *traffic, reports[who]);
            } else {
                test::read_in_child<test::JitterAtomics>(ring, {}, recipe, *traffic, reports[who]);
            }
        });
        reports[who].wait_until_started();
    }
    test::Random random = test::random_stream(100);
    ring::Producer<> producer(ring.memory());
    for (std::uint64_t i = 0; i < events; ++i) {
        test::publish_next(producer, recipe);
        traffic->note_publish(producer.published());
        if (random.one_in(2000)) {
            sched_yield();
        }
    }
    traffic->end(producer.published());
    for (std::size_t who = 0; who < readers; ++who) {
        EXPECT_TRUE(children[who].ended_well()) << who;
        EXPECT_STREQ(reports[who].complaint.data(), "") << who;
        EXPECT_EQ(reports[who].delivered + reports[who].lost, events) << who;
    }
}

template <class Sleeper>
void wake_a_process(std::uint64_t events) {
    const test::EventRecipe recipe(test::run_seed(), 0, 100);
    const test::SharedRing ring(64);
    test::Shared<test::Traffic> traffic;
    test::Shared<test::Report> report;
    test::Shared<test::SleepingConsumer<Sleeper>> consumer;
    test::ChildProcess child([&] {
        const test::Mapping mapping = ring.map_read_only();
        const auto opened = ring::open_region(mapping.data(), mapping.size());
        test::ReaderAudit audit(recipe, 0);
        test::run_sleeping_consumer(opened.memory, *consumer, 1, audit, *traffic, [] {});
        report->take(audit);
    });
    ring::Producer<> producer(ring.memory());
    ring::DoorbellRinger<int, 1> ringer;
    ringer.add(&consumer->wake_at, 0);
    const auto signal = [&](int) {
        ++consumer->signals_sent;
        consumer->sleeper.signal();
    };
    bool lost = false;
    for (std::uint64_t i = 1; i <= events && !lost; ++i) {
        test::publish_next(producer, recipe);
        ringer.ring(i, signal);
        consumer->activity.wait_until([&] {
            lost = test::wakeup_is_lost(*consumer, i);
            return lost || consumer->read_up_to.load() == i;
        });
    }
    EXPECT_FALSE(lost) << "the child sleeps for ticket " << consumer->asleep_until.load();
    traffic->end(producer.published());
    producer.close();
    ringer.ring_all(signal);
    if (lost) {
        child.kill_now();
    }
    EXPECT_TRUE(child.ended_well());
    EXPECT_STREQ(report->complaint.data(), "");
    EXPECT_EQ(report->delivered, producer.published());
    EXPECT_GT(consumer->sleeps.load(), 0U);
}

// Catches: what the threads' doorbell tests catch, across address spaces.
TEST(SleepingProcess, IsWokenThroughAnEventFd) {
    wake_a_process<test::EventFdSleeper>(test::scaled(20000));
}

TEST(SleepingProcess, IsWokenThroughAPipe) {
    wake_a_process<test::PipeSleeper>(test::scaled(20000));
}

}  // namespace
}  // namespace aegis
