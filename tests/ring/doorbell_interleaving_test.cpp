// Consumer and producer around the doorbell, interleaved access by access: no wakeup lost, none wasted.
//
// Under sequential consistency only; what store buffers and weaker machines add is shown under contention and in the
// models.

#include <gtest/gtest.h>

#include <cstdint>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/doorbell.hpp"
#include "support/event_recipe.hpp"
#include "support/private_ring.hpp"
#include "support/random.hpp"
#include "support/reader_audit.hpp"
#include "support/stepping.hpp"

namespace aegis {
namespace {

using test::HookedAtomics;

constexpr std::size_t kEventWords = 4;
constexpr test::EventRecipe kRecipe(8, 0, 16);

// A consumer with its event object (a counter of signals not yet waited for) and a producer that rings.
class Bench {
  public:
    explicit Bench(std::uint64_t batch) : batch_(batch) { ringer_.add(&wake_at_, 0); }

    void publish() {
        test::publish_next(producer_, kRecipe);
        ringer_.ring(producer_.published(), [&](int) { signal(); });
    }

    void close() {
        producer_.close();
        ringer_.ring_all([&](int) { signal(); });
    }

    // Reads all there is, then goes to sleep unless the bell says that there is more, or nothing more to come.
    void drain_and_arm() {
        do {
            audit_.drain(consumer_);
            if (listener_.arm(consumer_.memory(), consumer_.cursor(), batch_)) {
                asleep_ = true;
                return;
            }
        } while (ring_.state.raw() != AEGIS_RING_CLOSING);
        audit_.drain(consumer_);
    }

    // The wait is over, by the signal or by its timeout.
    void wake() {
        asleep_ = false;
        pending_ = false;
        listener_.disarm();
    }

    // A sleeper with a full batch before it, or none to come, and no signal on its way sleeps for ever.
    bool lost_wakeup() const {
        const bool should_wake =
            producer_.published() >= consumer_.cursor() + batch_ || ring_.state.raw() == AEGIS_RING_CLOSING;
        return asleep_ && !pending_ && should_wake;
    }

    bool asleep() const { return asleep_; }
    bool pending() const { return pending_; }
    std::uint64_t signals() const { return signals_; }
    std::uint64_t published() const { return producer_.published(); }
    const ring::Consumer<HookedAtomics>& consumer() const { return consumer_; }
    std::string complaint() const { return audit_.complaint(); }

  private:
    void signal() {
        ++signals_;
        pending_ = true;
    }

    std::uint64_t batch_;
    test::PrivateRing<HookedAtomics> ring_{16, kEventWords};
    ring::Producer<HookedAtomics> producer_{ring_.memory()};
    ring::Consumer<HookedAtomics> consumer_{ring_.memory(), {}};
    test::ReaderAudit audit_{kRecipe, 0};
    HookedAtomics::Atomic<std::uint64_t> wake_at_{AEGIS_WAKE_NEVER};
    HookedAtomics::Atomic<std::uint64_t> cursor_{0};
    ring::DoorbellListener<HookedAtomics> listener_{&wake_at_, &cursor_};
    ring::DoorbellRinger<int, 1, HookedAtomics> ringer_;
    bool asleep_ = false;
    bool pending_ = false;
    std::uint64_t signals_ = 0;
};

class DoorbellInterleaving : public testing::TestWithParam<std::uint64_t> {};

INSTANTIATE_TEST_SUITE_P(Batches, DoorbellInterleaving, testing::Values(1, 2, 3, 8), testing::PrintToStringParamName());

// Catches: the look at the slot before the bell is armed, or no look at all; a bell armed for the wrong count.
TEST_P(DoorbellInterleaving, EventsAtAnyPointOfGoingToSleepWakeTheSleeper) {
    const std::uint64_t batch = GetParam();
    for (std::uint64_t burst = 1; burst <= 2 * batch; ++burst) {
        for (std::size_t index = 0;; ++index) {
            Bench bench(batch);
            const bool intruded = test::run_with_intruder([&] { bench.drain_and_arm(); }, index,
                                                          [&] {
                                                              for (std::uint64_t i = 0; i < burst; ++i) {
                                                                  bench.publish();
                                                              }
                                                          });
            ASSERT_FALSE(bench.lost_wakeup()) << "index " << index << ", burst " << burst;
            ASSERT_EQ(bench.complaint(), "");
            ASSERT_LE(bench.signals(), 1U);
            if (!intruded) {
                break;
            }
        }
    }
}

// Catches: the bell looked at before the event is complete.
TEST_P(DoorbellInterleaving, GoingToSleepAtAnyPointOfAPublishLosesNothing) {
    const std::uint64_t batch = GetParam();
    for (std::uint64_t before = 0; before < batch; ++before) {
        for (std::size_t index = 0;; ++index) {
            Bench bench(batch);
            for (std::uint64_t i = 0; i < before; ++i) {
                bench.publish();
            }
            const bool intruded =
                test::run_with_intruder([&] { bench.publish(); }, index, [&] { bench.drain_and_arm(); });
            ASSERT_FALSE(bench.lost_wakeup()) << "index " << index << ", before " << before;
            ASSERT_EQ(bench.complaint(), "");
            if (!intruded) {
                break;
            }
        }
    }
}

// Catches: the state looked at before the bell is armed, or the sleepers rung before the state is marked.
TEST_P(DoorbellInterleaving, ClosingAtAnyPointOfGoingToSleepWakesTheSleeper) {
    for (std::size_t index = 0;; ++index) {
        Bench bench(GetParam());
        const bool intruded = test::run_with_intruder([&] { bench.drain_and_arm(); }, index,
                                                      [&] {
                                                          bench.publish();
                                                          bench.close();
                                                      });
        ASSERT_FALSE(bench.lost_wakeup()) << "index " << index;
        if (!intruded) {
            break;
        }
        if (bench.asleep()) {
            bench.wake();
            bench.drain_and_arm();
        }
        EXPECT_EQ(bench.consumer().delivered(), 1U) << "index " << index;
        EXPECT_FALSE(bench.asleep());
    }
}

// A consumer that waits for its signal, and a producer, in random order.
//
// Catches: a bell that stays armed, a signal per event, a wakeup lost after many sleeps.
TEST_P(DoorbellInterleaving, AtMostOneSignalPerBatch) {
    const std::uint64_t batch = GetParam();
    test::Random random(batch);
    Bench bench(batch);
    std::uint64_t wakeups = 0;
    for (int step = 0; step < 20000; ++step) {
        if (random.one_in(2)) {
            bench.publish();
        } else if (!bench.asleep()) {
            bench.drain_and_arm();
        } else if (bench.pending()) {
            bench.wake();
            ++wakeups;
        }
        ASSERT_FALSE(bench.lost_wakeup()) << "step " << step;
        ASSERT_LE(bench.signals() * batch, bench.published()) << "step " << step;
        ASSERT_LE(bench.signals(), wakeups + 1) << "a consumer that is awake gets no signal";
    }
    EXPECT_EQ(bench.complaint(), "");
    EXPECT_GT(wakeups, 100U);
}

// What bounds latency when a batch never fills is the wait's timeout: the woken reader finds what is there, and the
// bell it gave up rings no more.
//
// Catches: a disarm that leaves the bell armed.
TEST_P(DoorbellInterleaving, ATimeoutGivesThePartialBatchAndNoLateSignal) {
    const std::uint64_t batch = GetParam();
    for (std::uint64_t there = 0; there < batch; ++there) {
        Bench bench(batch);
        bench.drain_and_arm();
        for (std::uint64_t i = 0; i < there; ++i) {
            bench.publish();
        }
        EXPECT_EQ(bench.signals(), 0U);
        bench.wake();
        for (std::uint64_t i = there; i < batch; ++i) {
            bench.publish();
        }
        EXPECT_EQ(bench.signals(), 0U) << "awake";
        bench.drain_and_arm();
        EXPECT_EQ(bench.consumer().delivered(), batch);
        EXPECT_TRUE(bench.asleep());
    }
}

}  // namespace
}  // namespace aegis
