// Readers in processes of their own, over mappings they cannot write to, and readers that die in the middle of a read.

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

#include "aegis/ring/producer.hpp"
#include "contention/child_process.hpp"
#include "contention/doorbell_rig.hpp"
#include "contention/jitter_atomics.hpp"
#include "contention/reading.hpp"
#include "contention/scale.hpp"
#include "contention/shared_ring.hpp"
#include "contention/sleepers.hpp"
#include "contention/suicidal_atomics.hpp"
#include "support/seed.hpp"

namespace aegis {
namespace {

// What a child tells its parent.
struct Report {
    std::atomic<bool> started{false};
    test::Activity activity;
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;
    std::array<char, 256> complaint = {};

    void wait_until_started() {
        activity.wait_until([this] { return started.load(); });
    }

    void take(const test::ReaderAudit& audit) {
        delivered = audit.delivered();
        lost = audit.lost();
        audit.complaint().copy(complaint.data(), complaint.size() - 1);
    }
};

// Objects in memory that children forked later share.
template <class T>
class Shared {
  public:
    explicit Shared(std::size_t count = 1)
        : mapping_(test::Mapping::shared_with_children(count * sizeof(T))), count_(count) {
        for (std::size_t i = 0; i < count; ++i) {
            new (mapping_.data() + i * sizeof(T)) T;
        }
    }
    ~Shared() {
        for (std::size_t i = 0; i < count_; ++i) {
            (*this)[i].~T();
        }
    }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;

    T& operator[](std::size_t i) { return *std::launder(reinterpret_cast<T*>(mapping_.data() + i * sizeof(T))); }
    T* operator->() { return &(*this)[0]; }
    T& operator*() { return (*this)[0]; }

  private:
    test::Mapping mapping_;
    std::size_t count_;
};

template <class Atomics>
void read_in_child(const test::SharedRing& ring, ring::Beginning start, const test::EventRecipe& recipe,
                   test::Traffic& traffic, Report& report) {
    const test::Mapping mapping = ring.map_read_only();
    const auto opened = ring::open_region<Atomics>(mapping.data(), mapping.size());
    test::ReaderAudit audit(recipe, start.ticket);
    ring::Consumer<Atomics> consumer(opened.memory, start);
    report.started.store(true);
    report.activity.announce();
    if (opened.error == ring::RegionError::kNone) {
        test::read_to_the_end(consumer, audit, traffic);
    } else {
        audit.complain(ring::describe(opened.error));
    }
    report.take(audit);
}

class Processes : public testing::TestWithParam<std::size_t> {};

INSTANTIATE_TEST_SUITE_P(Readers, Processes, testing::Values(1, 2, 8), testing::PrintToStringParamName());

// Catches: a reader that writes to shared memory (it would die of SIGSEGV), and all that threads catch.
TEST_P(Processes, ReadOverReadOnlyMappings) {
    const std::size_t readers = GetParam();
    const std::uint64_t events = test::scaled(60000);
    const test::EventRecipe recipe(test::run_seed(), 0, test::EventRecipe::kLargestPayload);
    const test::SharedRing ring(64);
    Shared<test::Traffic> traffic;
    Shared<Report> reports(readers);
    std::vector<test::ChildProcess> children;
    for (std::size_t who = 0; who < readers; ++who) {
        children.emplace_back([&, who] {
            test::Jitter::seed(test::random_stream(who).next());
            if (who % 2 == 0) {
                read_in_child<ring::StdAtomics>(ring, {}, recipe, *traffic, reports[who]);
            } else {
                read_in_child<test::JitterAtomics>(ring, {}, recipe, *traffic, reports[who]);
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

class KilledReader : public testing::Test {
  protected:
    KilledReader() { survivor_report_->wait_until_started(); }

    // Nothing that happened to the others reached the survivor.
    void check_survivor() {
        traffic_->end(producer_.published());
        EXPECT_TRUE(survivor_.ended_well());
        EXPECT_STREQ(survivor_report_->complaint.data(), "");
        EXPECT_EQ(survivor_report_->delivered + survivor_report_->lost, producer_.published());
    }

    // Two cells each.
    static constexpr std::size_t kPayload = 320;
    test::EventRecipe recipe_{test::run_seed(), kPayload, kPayload};
    test::SharedRing ring_{17};
    Shared<test::Traffic> traffic_;
    Shared<Report> survivor_report_;
    test::ChildProcess survivor_{
        [this] { read_in_child<ring::StdAtomics>(ring_, {}, recipe_, *traffic_, *survivor_report_); }};
    ring::Producer<> producer_{ring_.memory()};
};

// Killed at every single access of a read, the copy of both pieces included.
TEST_F(KilledReader, AtAnyStepOfACopyHarmsNobody) {
    // One look, the ticket, the words, one look, and the look that finds nothing afterwards.
    constexpr std::uint64_t kSteps = 4 + (sizeof(AEGIS_EVENT_HEADER) + kPayload) / 8;
    for (std::uint64_t step = 0; step < kSteps; ++step) {
        test::publish_many(producer_, recipe_, 1);
        const ring::Beginning newest = {producer_.newest(), producer_.published() - 1};
        test::ChildProcess victim([&] {
            const test::Mapping mapping = ring_.map_read_only();
            const auto opened = ring::open_region<test::SuicidalAtomics>(mapping.data(), mapping.size());
            ring::Consumer<test::SuicidalAtomics> consumer(opened.memory, newest);
            ring::EventBuffer event;
            test::SuicidalAtomics::die_after(step);
            for (;;) {
                consumer.read(event);
            }
        });
        test::publish_many(producer_, recipe_, 5);
        EXPECT_TRUE(victim.was_killed()) << step;
        test::publish_many(producer_, recipe_, 20);
    }
    check_survivor();
}

TEST_F(KilledReader, AtAnyMomentHarmsNobody) {
    test::Random random = test::random_stream(101);
    for (std::uint64_t round = 0; round < std::max<std::uint64_t>(test::scaled(60), 10); ++round) {
        Shared<Report> report;
        const ring::Beginning start = ring::next_event(ring_.memory());
        test::ChildProcess victim(
            [&] { read_in_child<test::JitterAtomics>(ring_, start, recipe_, *traffic_, *report); });
        report->wait_until_started();
        test::publish_many(producer_, recipe_, random.below(3000));
        victim.kill_now();
        EXPECT_TRUE(victim.was_killed());
        test::publish_many(producer_, recipe_, random.below(50));
    }
    check_survivor();
}

// A group whose members are processes, to be able to kill one: it takes with it what it had claimed, no more.
//
// Catches: the claim before the copy (a member killed in between would lose an event that it never held); a group that
// waits for a dead member to move on.
TEST(KilledMember, TakesAtMostTheOneEventItClaimed) {
    const test::EventRecipe recipe(test::run_seed(), 8, 8);
    std::uint64_t killed_before_claim = 0;
    // Position, look, ticket, three words, look, cursor, claim, move, and the position again.
    constexpr std::uint64_t kSteps = 11;
    for (std::uint64_t step = 0; step < kSteps; ++step) {
        const test::SharedRing ring(8);
        ring::Producer<> producer(ring.memory());
        test::publish_many(producer, recipe, 4);
        // Two views of one group, to give the victim its own atomic type: its words are 64 bits wide in both.
        using Group = ring::ConsumerGroup<>;
        using VictimGroup = ring::ConsumerGroup<test::SuicidalAtomics>;
        static_assert(sizeof(Group) == sizeof(VictimGroup));
        const test::Mapping shared = test::Mapping::shared_with_children(sizeof(Group));
        auto* group = new (shared.data()) Group(ring.memory(), {});

        test::ChildProcess victim([&] {
            auto* view = std::launder(reinterpret_cast<VictimGroup*>(shared.data()));
            ring::GroupMember<test::SuicidalAtomics> member(*view);
            ring::EventBuffer event;
            test::SuicidalAtomics::die_after(step);
            for (;;) {
                member.read(event);
            }
        });
        ASSERT_TRUE(victim.was_killed());
        const ring::Ticket claimed = group->cursor();
        EXPECT_LE(claimed, 1U);
        killed_before_claim += claimed == 0 ? 1U : 0U;

        ring::GroupMember<> heir(*group);
        test::MemberRecord record(recipe);
        test::Traffic traffic;
        traffic.end(4);
        test::read_to_the_end(heir, record, traffic);
        EXPECT_EQ(test::disagreement({&record}, claimed, 4), "");
        EXPECT_EQ(heir.lost(), 0U);
    }
    EXPECT_EQ(killed_before_claim, 9U) << "the claim is the ninth access; only then is the event the member's";
}

template <class Sleeper>
void wake_a_process(std::uint64_t events) {
    const test::EventRecipe recipe(test::run_seed(), 0, 100);
    const test::SharedRing ring(64);
    Shared<test::Traffic> traffic;
    Shared<Report> report;
    Shared<test::SleepingConsumer<Sleeper>> consumer;
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
