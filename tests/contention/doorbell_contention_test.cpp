// Sleeping and waking, at full speed: no wakeup lost, no signal to a consumer that is awake, one per batch at most.
//
// AEGIS_SLEEPS in the environment sets how often the cheap sleepers sleep; `make soak` asks for ten million.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "contention/doorbell_rig.hpp"
#include "contention/jitter_atomics.hpp"
#include "contention/scale.hpp"
#include "contention/sleepers.hpp"
#include "support/seed.hpp"
#include "support/zeroed_region.hpp"

namespace aegis {
namespace {

constexpr std::size_t kMostConsumers = 8;

// Wastes between nothing and a few hundred cycles, in steps of one: as long as a store stays in its buffer, which is
// the window that both sides must meet.
void adversarial_delay(test::Random& random) {
    for (std::uint64_t i = random.below(1000); i > 0; --i) {
        asm volatile("" ::: "memory");
    }
}

template <class Atomics, class Sleeper>
class Rig {
  public:
    explicit Rig(std::vector<std::uint64_t> batches) : batches_(std::move(batches)) {
        const std::size_t count = batches_.size();
        audits_.assign(count, test::ReaderAudit(recipe_, 0));
        for (std::size_t who = 0; who < count; ++who) {
            consumers_.push_back(std::make_unique<test::SleepingConsumer<Sleeper>>());
            ringer_.add(reinterpret_cast<Word*>(&consumers_[who]->wake_at), who);
        }
        for (std::size_t who = 0; who < count; ++who) {
            threads_.emplace_back([this, who] {
                test::Random random = test::random_stream(who);
                test::Jitter::seed(random.next());
                test::run_sleeping_consumer<Atomics>(memory_, *consumers_[who], batches_[who], audits_[who], traffic_,
                                                     [&] { adversarial_delay(random); });
            });
        }
    }

    // Publishes one event and rings for it.
    void publish() {
        test::publish_next(producer_, recipe_);
        ringer_.ring(producer_.published(), [this](std::size_t who) { signal(who); });
    }

    // Waits until every consumer has read all full batches there are, looking for lost wakeups meanwhile.
    void wait_for_readers() {
        const std::uint64_t published = producer_.published();
        for (std::size_t who = 0; who < consumers_.size() && !lost_; ++who) {
            test::SleepingConsumer<Sleeper>& consumer = *consumers_[who];
            consumer.activity.wait_until([&] {
                lost_ = test::wakeup_is_lost(consumer, published);
                return lost_ || consumer.read_up_to.load() + batches_[who] > published;
            });
            if (lost_) {
                ADD_FAILURE() << "wakeup lost: consumer " << who << " sleeps for ticket "
                              << consumer.asleep_until.load() << " of " << published;
            }
        }
    }

    // Closes as the driver does, and checks the run.
    void finish() {
        const std::uint64_t published = producer_.published();
        const std::vector<std::uint64_t> sent = signals();
        traffic_.end(published);
        producer_.close();
        ringer_.ring_all([this](std::size_t who) { signal(who); });
        for (std::size_t who = 0; who < consumers_.size(); ++who) {
            test::SleepingConsumer<Sleeper>& consumer = *consumers_[who];
            consumer.activity.wait_until([&] {
                if (test::wakeup_is_lost(consumer, AEGIS_WAKE_NEVER)) {
                    ADD_FAILURE() << "consumer " << who << " sleeps on though the driver has closed";
                    signal(who);
                }
                return consumer.finished.load();
            });
            threads_[who].join();
        }
        for (std::size_t who = 0; who < consumers_.size(); ++who) {
            EXPECT_EQ(audits_[who].complaint(), "");
            EXPECT_EQ(audits_[who].delivered() + audits_[who].lost(), published);
            EXPECT_LE(sent[who] * batches_[who], published) << "more than one signal per batch";
            EXPECT_EQ(consumers_[who]->cursor.load(), published);
        }
    }

    // Signals sent to each consumer, but for the closing one.
    std::vector<std::uint64_t> signals() const {
        std::vector<std::uint64_t> sent;
        for (const auto& consumer : consumers_) {
            sent.push_back(consumer->signals_sent);
        }
        return sent;
    }

    std::uint64_t fewest_sleeps() const {
        std::uint64_t fewest = UINT64_MAX;
        for (const auto& consumer : consumers_) {
            fewest = std::min(fewest, consumer->sleeps.load());
        }
        return fewest;
    }

    bool lost() const { return lost_; }

  private:
    using Word = typename Atomics::template Atomic<std::uint64_t>;

    void signal(std::size_t who) {
        ++consumers_[who]->signals_sent;
        consumers_[who]->sleeper.signal();
    }

    std::vector<std::uint64_t> batches_;
    test::EventRecipe recipe_{test::run_seed(), 0, 40};
    test::FormattedRegion region_{64};
    ring::RingMemory<Atomics> memory_ =
        ring::ring_memory_of<Atomics>(region_.bytes().data(), ring::load_identity(region_.bytes().data()));
    ring::Producer<Atomics> producer_{memory_};
    ring::DoorbellRinger<std::size_t, kMostConsumers, Atomics> ringer_;
    test::Traffic traffic_;
    std::vector<std::unique_ptr<test::SleepingConsumer<Sleeper>>> consumers_;
    std::vector<test::ReaderAudit> audits_;
    std::vector<std::thread> threads_;
    bool lost_ = false;
};

// One event at a time, the next one as soon as the last was read: every round races with the way to sleep.
template <class Atomics, class Sleeper>
void race_with_sleep(std::size_t consumers, std::uint64_t sleeps) {
    Rig<Atomics, Sleeper> rig(std::vector<std::uint64_t>(consumers, 1));
    test::Random random = test::random_stream(77);
    test::Jitter::seed(random.next());
    while (!rig.lost() && rig.fewest_sleeps() < sleeps) {
        adversarial_delay(random);
        rig.publish();
        rig.wait_for_readers();
    }
    rig.finish();
}

// Catches: either fence of the doorbell removed or weakened (x86 reorders a store with a later load), the second look
// dropped, the look before the bell, the exchange dropped.
TEST(DoorbellContention, NoWakeupIsLostByAConsumerThatSpins) {
    race_with_sleep<ring::StdAtomics, test::SpinSleeper>(1, test::count_from_environment("AEGIS_SLEEPS", 200000));
}

TEST(DoorbellContention, NoWakeupIsLostOnAnEventFd) {
    race_with_sleep<ring::StdAtomics, test::EventFdSleeper>(1, test::scaled(30000));
}

TEST(DoorbellContention, NoWakeupIsLostOnAPipe) {
    race_with_sleep<ring::StdAtomics, test::PipeSleeper>(1, test::scaled(30000));
}

TEST(DoorbellContention, NoWakeupIsLostBetweenStalls) {
    race_with_sleep<test::JitterAtomics, test::SpinSleeper>(1, test::scaled(20000));
}

TEST(DoorbellContention, NoWakeupIsLostAmongEightSleepers) {
    race_with_sleep<ring::StdAtomics, test::SpinSleeper>(kMostConsumers, test::scaled(2000));
}

// Bursts of any length and consumers with different batches.
//
// Catches: a signal per event, a bell that rings before its batch is there, or never.
TEST(DoorbellContention, ABatchOfKCostsOneSignalPerKEventsAtMost) {
    Rig<ring::StdAtomics, test::SpinSleeper> rig({1, 2, 7, 64});
    test::Random random = test::random_stream(78);
    for (std::uint64_t round = 0; !rig.lost() && round < test::scaled(5000); ++round) {
        for (std::uint64_t i = random.between(1, 20); i > 0; --i) {
            rig.publish();
        }
        if (random.one_in(2)) {
            rig.wait_for_readers();
        }
    }
    EXPECT_GT(rig.fewest_sleeps(), 0U);
    rig.finish();
}

// A consumer that polls has never armed its bell.
TEST(DoorbellContention, ABusyConsumerIsNeverSignalled) {
    const test::EventRecipe recipe(test::run_seed(), 0, 40);
    test::FormattedRegion region(64);
    std::atomic<std::uint64_t> wake_at{AEGIS_WAKE_NEVER};
    ring::Producer<> producer(region.memory());
    ring::DoorbellRinger<int, 1> ringer;
    ringer.add(&wake_at, 0);
    test::Traffic traffic;
    test::ReaderAudit audit(recipe, 0);
    std::thread reader([&] {
        ring::Consumer<> consumer(region.memory(), {});
        test::read_to_the_end(consumer, audit, traffic);
    });
    std::uint64_t signals = 0;
    for (std::uint64_t i = 0; i < test::scaled(200000); ++i) {
        test::publish_next(producer, recipe);
        traffic.note_publish(producer.published());
        signals += ringer.ring(producer.published(), [](int) {});
    }
    traffic.end(producer.published());
    reader.join();
    EXPECT_EQ(signals, 0U);
    EXPECT_EQ(audit.complaint(), "");
}

// A client that writes anything into its page, all the time, gets signals it did not need and harms nobody: the
// producer makes at most one signal per publish and the other consumer misses nothing.
TEST(DoorbellContention, AHostilePageHarmsNobodyElse) {
    Rig<ring::StdAtomics, test::SpinSleeper> rig({1});
    std::atomic<std::uint64_t> hostile{0};
    ring::DoorbellRinger<int, 1> hostile_ringer;
    hostile_ringer.add(&hostile, 0);
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        test::Random random = test::random_stream(79);
        while (!stop.load(std::memory_order_relaxed)) {
            hostile.store(random.one_in(2) ? random.next() : random.below(100000), std::memory_order_relaxed);
            if (random.one_in(64)) {
                sched_yield();
            }
        }
    });
    const std::uint64_t events = test::scaled(30000);
    std::uint64_t most = 0;
    for (std::uint64_t i = 1; !rig.lost() && i <= events; ++i) {
        rig.publish();
        most = std::max(most, hostile_ringer.ring(i, [](int) {}));
        if (i % 16 == 0) {
            rig.wait_for_readers();
        }
    }
    stop.store(true);
    writer.join();
    rig.finish();
    EXPECT_LE(most, 1U);
}

// The driver's callbacks: several threads publish and ring, under one lock.
//
// Catches: a ring() outside what orders the publishes.
TEST(DoorbellContention, SerialisedProducersLoseNoWakeup) {
    Rig<ring::StdAtomics, test::SpinSleeper> rig({1, 1});
    std::mutex lock;
    std::vector<std::thread> producers;
    for (std::uint64_t who = 0; who < 3; ++who) {
        producers.emplace_back([&, who] {
            test::Random random = test::random_stream(80 + who);
            for (std::uint64_t i = 0; i < test::scaled(2000); ++i) {
                adversarial_delay(random);
                const std::lock_guard<std::mutex> hold(lock);
                if (rig.lost()) {
                    return;
                }
                rig.publish();
                rig.wait_for_readers();
            }
        });
    }
    for (std::thread& thread : producers) {
        thread.join();
    }
    rig.finish();
}

}  // namespace
}  // namespace aegis
