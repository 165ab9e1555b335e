// The doorbell's two sides, each by itself: when it is armed, when it rings, whom it rings.

#include "aegis/ring/doorbell.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "aegis/ring/producer.hpp"
#include "support/private_ring.hpp"
#include "support/stepping.hpp"
#include "support/zeroed_region.hpp"

namespace aegis {
namespace {

using test::HookedAtomics;
using testing::ElementsAre;
using testing::IsEmpty;
using Word = std::atomic<std::uint64_t>;

class Listener : public testing::Test {
  protected:
    void publish(std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            producer_.publish(1, 0, nullptr, 0);
        }
    }

    test::PrivateRing<> ring_{8, 2};
    ring::Producer<> producer_{ring_.memory()};
    Word wake_at_{AEGIS_WAKE_NEVER};
    Word cursor_{0};
    ring::DoorbellListener<> listener_{&wake_at_, &cursor_};
};

TEST_F(Listener, AsksToBeWokenWhenTheBatchIsThere) {
    EXPECT_TRUE(listener_.arm(ring_.memory(), 0, 1));
    EXPECT_EQ(wake_at_, 1U);
    EXPECT_TRUE(listener_.arm(ring_.memory(), 0, 8));
    EXPECT_EQ(wake_at_, 8U);
    publish(3);
    EXPECT_TRUE(listener_.arm(ring_.memory(), 3, 5));
    EXPECT_EQ(wake_at_, 8U);
    EXPECT_EQ(cursor_, 0U) << "the report is another word";
}

// Catches: the look at the wrong count, or a comparison off by one: sleeping with a full batch there, or never.
TEST_F(Listener, SleepsUntilExactlyTheLastEventOfTheBatch) {
    for (std::uint64_t cursor = 0; cursor < 40; ++cursor) {
        for (std::uint64_t batch = 1; batch <= 8; ++batch) {
            for (std::uint64_t there = 0; there <= 2 * batch + 8; ++there) {
                test::PrivateRing<> ring(8, 2);
                ring::Producer<> producer(ring.memory());
                for (std::uint64_t i = 0; i < cursor + there; ++i) {
                    producer.publish(1, 0, nullptr, 0);
                }
                const bool asleep = listener_.arm(ring.memory(), cursor, batch);
                ASSERT_EQ(asleep, there < batch) << "cursor " << cursor << ", batch " << batch << ", there " << there;
                ASSERT_EQ(wake_at_, asleep ? cursor + batch : AEGIS_WAKE_NEVER);
            }
        }
    }
}

// Catches: an event in the making taken for a complete one.
TEST_F(Listener, AnEventInTheMakingIsNotThere) {
    publish(2);
    const ring::Place place = ring_.memory().place_of(2);
    ring_.memory().mark_write_begun(place);
    EXPECT_TRUE(listener_.arm(ring_.memory(), 2, 1));
    ring_.memory().mark_write_complete(place);
    ring_.memory().store_newest(2);
    EXPECT_TRUE(listener_.arm(ring_.memory(), 2, 1)) << "not counted yet: the bell will ring";
    ring_.memory().store_published(3);
    EXPECT_FALSE(listener_.arm(ring_.memory(), 2, 1));
    EXPECT_EQ(wake_at_, AEGIS_WAKE_NEVER);
}

// A reader that was lapped has something to do at once.
TEST_F(Listener, DoesNotSleepWhenItWasLapped) {
    publish(30);
    EXPECT_FALSE(listener_.arm(ring_.memory(), 2, 1));
    ring_.memory().mark_write_begun(ring_.memory().place_of(34));  // the cell of ticket 2 again, not complete
    EXPECT_FALSE(listener_.arm(ring_.memory(), 2, 1));
}

// Nothing rings after the closing bell.
//
// Catches: the look at the state dropped, or any state taken for the closing one.
TEST_F(Listener, DoesNotSleepWhenTheDriverCloses) {
    ring_.memory().store_state(AEGIS_RING_RUNNING);
    EXPECT_TRUE(listener_.arm(ring_.memory(), 0, 1));
    producer_.close();
    EXPECT_FALSE(listener_.arm(ring_.memory(), 0, 1));
    EXPECT_EQ(wake_at_, AEGIS_WAKE_NEVER);
}

TEST_F(Listener, DisarmsAndReports) {
    listener_.arm(ring_.memory(), 5, 1);
    listener_.disarm();
    EXPECT_EQ(wake_at_, UINT64_MAX);
    listener_.report_cursor(42);
    EXPECT_EQ(cursor_, 42U);
    EXPECT_EQ(wake_at_, UINT64_MAX);
}

// The page the driver maps: both words are where the contract puts them.
TEST(ListenerPage, UsesTheConsumerPagesWords) {
    test::ZeroedRegion page(sizeof(AEGIS_CONSUMER_PAGE));
    auto* layout = reinterpret_cast<AEGIS_CONSUMER_PAGE*>(page.data());
    ring::DoorbellListener<> listener(reinterpret_cast<Word*>(&layout->WakeAt),
                                      reinterpret_cast<Word*>(&layout->Cursor));
    test::FormattedRegion region(64);
    listener.arm(region.memory(), 6, 3);
    listener.report_cursor(6);
    EXPECT_EQ(layout->WakeAt, 9U);
    EXPECT_EQ(layout->Cursor, 6U);
}

class Ringer : public testing::Test {
  protected:
    std::vector<std::string> ring(std::uint64_t published) {
        std::vector<std::string> rung;
        const std::uint64_t count = ringer_.ring(published, [&](const std::string& token) { rung.push_back(token); });
        EXPECT_EQ(count, rung.size());
        return rung;
    }

    Word a_{AEGIS_WAKE_NEVER};
    Word b_{AEGIS_WAKE_NEVER};
    Word c_{AEGIS_WAKE_NEVER};
    ring::DoorbellRinger<std::string, 3> ringer_;
};

// Catches: the comparison off by one in either direction.
TEST_F(Ringer, RingsWhenTheCountReachesTheBell) {
    ringer_.add(&a_, "a");
    a_ = 10;
    EXPECT_THAT(ring(9), IsEmpty());
    EXPECT_EQ(a_, 10U);
    EXPECT_THAT(ring(10), ElementsAre("a"));
    EXPECT_EQ(a_, AEGIS_WAKE_NEVER);
    a_ = 10;
    EXPECT_THAT(ring(11), ElementsAre("a")) << "a bell armed too late to be met exactly";
}

// Catches: a bell that stays armed after it rang: one signal per event instead of one per sleep.
TEST_F(Ringer, RingsOncePerArming) {
    ringer_.add(&a_, "a");
    a_ = 1;
    EXPECT_THAT(ring(1), ElementsAre("a"));
    EXPECT_THAT(ring(2), IsEmpty());
    EXPECT_THAT(ring(UINT64_MAX - 1), IsEmpty());
}

TEST_F(Ringer, NeverRingsForABusyConsumer) {
    ringer_.add(&a_, "a");
    for (const std::uint64_t published : {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX - 1, UINT64_MAX}) {
        EXPECT_THAT(ring(published), IsEmpty()) << published;
    }
}

// Catches: a closing driver that leaves a sleeper whose batch will never fill, or signals one that is awake.
TEST_F(Ringer, ClosingWakesEverySleeperAndNoOther) {
    ringer_.add(&a_, "a");
    ringer_.add(&b_, "b");
    ringer_.add(&c_, "c");
    a_ = UINT64_MAX - 1;
    c_ = 5;
    std::vector<std::string> rung;
    EXPECT_EQ(ringer_.ring_all([&](const std::string& token) { rung.push_back(token); }), 2U);
    EXPECT_THAT(rung, ElementsAre("a", "c"));
    EXPECT_EQ(a_, AEGIS_WAKE_NEVER);
    EXPECT_EQ(ringer_.ring_all([](const std::string&) {}), 0U);
}

TEST_F(Ringer, RingsExactlyTheBellsThatAreDue) {
    ringer_.add(&a_, "a");
    ringer_.add(&b_, "b");
    ringer_.add(&c_, "c");
    a_ = 5;
    b_ = 6;
    c_ = 4;
    EXPECT_THAT(ring(5), ElementsAre("a", "c"));
    EXPECT_EQ(b_, 6U);
    EXPECT_THAT(ring(6), ElementsAre("b"));
}

TEST_F(Ringer, HasRoomForItsCapacity) {
    EXPECT_EQ(ringer_.count(), 0U);
    Word d{AEGIS_WAKE_NEVER};
    EXPECT_TRUE(ringer_.add(&a_, "a"));
    EXPECT_TRUE(ringer_.add(&b_, "b"));
    EXPECT_TRUE(ringer_.add(&c_, "c"));
    EXPECT_EQ(ringer_.count(), 3U);
    EXPECT_FALSE(ringer_.add(&d, "d"));
    EXPECT_EQ(ringer_.count(), 3U);
    EXPECT_TRUE(ringer_.remove(&b_));
    EXPECT_TRUE(ringer_.add(&d, "d"));
    d = 1;
    EXPECT_THAT(ring(1), ElementsAre("d"));
}

// Catches: a departed consumer's word touched, its token signalled, or another consumer removed in its place.
TEST_F(Ringer, ForgetsWhoeverIsRemovedAndNobodyElse) {
    Word* const bells[] = {&a_, &b_, &c_};
    const std::string tokens[] = {"a", "b", "c"};
    for (std::size_t gone = 0; gone < 3; ++gone) {
        ring::DoorbellRinger<std::string, 3> ringer;
        for (std::size_t i = 0; i < 3; ++i) {
            ringer.add(bells[i], tokens[i]);
            *bells[i] = 1;
        }
        EXPECT_TRUE(ringer.remove(bells[gone]));
        EXPECT_FALSE(ringer.remove(bells[gone]));
        EXPECT_EQ(ringer.count(), 2U);
        std::vector<std::string> rung;
        EXPECT_EQ(ringer.ring(1, [&](const std::string& token) { rung.push_back(token); }), 2U);
        EXPECT_THAT(rung, testing::UnorderedElementsAre(tokens[(gone + 1) % 3], tokens[(gone + 2) % 3]));
        EXPECT_EQ(*bells[gone], 1U);
    }
}

TEST_F(Ringer, RemovesNothingFromAnEmptyList) {
    EXPECT_FALSE(ringer_.remove(&a_));
    ringer_.add(&a_, "a");
    EXPECT_TRUE(ringer_.remove(&a_));
    EXPECT_FALSE(ringer_.remove(&a_));
    EXPECT_EQ(ringer_.count(), 0U);
    a_ = 0;
    EXPECT_THAT(ring(UINT64_MAX), IsEmpty());
}

// Whatever a consumer writes into its page costs the producer one exchange and one signal at most, per publish.
TEST_F(Ringer, AHostileWordCostsOneSignalPerPublishAtMost) {
    ringer_.add(&a_, "a");
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}}) {
        a_ = value;
        EXPECT_THAT(ring(1000), ElementsAre("a"));
    }
    for (const std::uint64_t value : {std::uint64_t{1001}, UINT64_MAX - 1, UINT64_MAX}) {
        a_ = value;
        EXPECT_THAT(ring(1000), IsEmpty());
        EXPECT_EQ(a_, value);
    }
}

// Between the producer's look and its exchange the consumer wakes by itself.
//
// Catches: the exchange turned into a store, or its result ignored: a signal to a busy consumer.
TEST(RingerRace, AConsumerThatDisarmsInBetweenGetsNoSignal) {
    HookedAtomics::Atomic<std::uint64_t> wake_at(1);
    ring::DoorbellRinger<int, 1, HookedAtomics> ringer;
    ringer.add(&wake_at, 0);
    int signals = 0;
    // Access 0 is the fence, 1 the load, 2 the exchange.
    ASSERT_TRUE(test::run_with_intruder([&] { ringer.ring(1, [&](int) { ++signals; }); }, 2,
                                        [&] { wake_at.set_raw(AEGIS_WAKE_NEVER); }));
    EXPECT_EQ(signals, 0);
    EXPECT_EQ(wake_at.raw(), AEGIS_WAKE_NEVER);
}

}  // namespace
}  // namespace aegis
