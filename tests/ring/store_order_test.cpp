// The protocol, access by access: what each operation touches, in which order, with which memory order.
//
// These logs are the ring's contract with weakly ordered machines that x86 cannot show. They also show what is not
// there: no load in publish, no read-modify-write but the group's claim and the bell's exchange, no store in a read.
//
// Catches: any access added, dropped, moved or given another memory order; any fence weakened or gone.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/consumer_group.hpp"
#include "aegis/ring/doorbell.hpp"
#include "aegis/ring/producer.hpp"
#include "support/access_log.hpp"
#include "support/private_ring.hpp"

namespace aegis {
namespace {

using test::HookedAtomics;
using testing::ElementsAre;
using testing::IsEmpty;

class StoreOrder : public testing::Test {
  protected:
    static constexpr std::size_t kCells = 3;
    static constexpr std::size_t kEventWords = 4;

    StoreOrder() {
        log_.name(&ring_.published, "published");
        log_.name(&ring_.newest, "newest");
        log_.name(&ring_.wakeups_sent, "wakeups_sent");
        log_.name(&ring_.state, "state");
        for (std::size_t i = 0; i < AEGIS_LOST_REASONS; ++i) {
            log_.name(&ring_.lost_before[i], "lost_before" + std::to_string(i));
        }
        for (std::size_t cell = 0; cell < kCells; ++cell) {
            const std::string name = "cell" + std::to_string(cell);
            log_.name(ring_.version(cell), name + ".version");
            log_.name(ring_.ticket(cell), name + ".ticket");
            for (std::size_t word = 0; word < kEventWords; ++word) {
                log_.name(ring_.event(cell) + word, name + ".word" + std::to_string(word));
            }
        }
        log_.name(&wake_at_, "wake_at");
        log_.name(&reported_cursor_, "cursor");
    }

    // Three bytes of payload: two header words and one of payload.
    bool publish_short() { return producer_.publish(1, 2, "abc", 3); }

    test::PrivateRing<HookedAtomics> ring_{kCells, kEventWords};
    ring::Producer<HookedAtomics> producer_{ring_.memory()};
    HookedAtomics::Atomic<std::uint64_t> wake_at_{AEGIS_WAKE_NEVER};
    HookedAtomics::Atomic<std::uint64_t> reported_cursor_{0};
    ring::DoorbellListener<HookedAtomics> listener_{&wake_at_, &reported_cursor_};
    ring::EventBuffer event_;
    test::AccessLog log_;
};

TEST_F(StoreOrder, PublishMarksFencesWritesCompletesAndCounts) {
    const auto accesses = log_.of([&] { publish_short(); });
    const std::uint64_t header = 19 | std::uint64_t{1} << 16U | std::uint64_t{1} << 32U;
    EXPECT_THAT(accesses,
                ElementsAre("store cell0.version=1 relaxed",                             //
                            "fence release",                                             //
                            "store cell0.ticket=0 relaxed",                              //
                            "store cell0.word0=" + std::to_string(header) + " relaxed",  //
                            "store cell0.word1=2 relaxed",                               //
                            "store cell0.word2=" + std::to_string(0x636261) + " relaxed",
                            "store cell0.version=2 release",  //
                            "store newest=0 release",         //
                            "store published=1 release"));
}

// Two cells.
//
// Catches: a cell marked after the fence, not marked at all or marked as a beginning.
TEST_F(StoreOrder, PublishOfALongerEventMarksEveryCellBeforeItWritesTheFirstWord) {
    publish_short();
    const std::array<std::uint64_t, 6> payload = {10, 11, 12, 13, 14, 15};
    const auto accesses = log_.of([&] { producer_.publish(0, 0, payload.data(), sizeof(payload)); });
    const std::uint64_t header = 64 | std::uint64_t{2} << 32U;
    EXPECT_THAT(accesses, ElementsAre("store cell1.version=3 relaxed",                             //
                                      "store cell2.version=5 relaxed",                             //
                                      "fence release",                                             //
                                      "store cell1.ticket=1 relaxed",                              //
                                      "store cell1.word0=" + std::to_string(header) + " relaxed",  //
                                      "store cell1.word1=0 relaxed",                               //
                                      "store cell1.word2=10 relaxed",                              //
                                      "store cell1.word3=11 relaxed",                              //
                                      "store cell2.word0=12 relaxed",                              //
                                      "store cell2.word1=13 relaxed",                              //
                                      "store cell2.word2=14 relaxed",                              //
                                      "store cell2.word3=15 relaxed",                              //
                                      "store cell1.version=4 release",                             //
                                      "store newest=1 release",                                    //
                                      "store published=2 release"));
}

TEST_F(StoreOrder, OversizeTouchesOnlyItsCounter) {
    const std::array<std::byte, 81> payload = {};
    EXPECT_THAT(log_.of([&] { producer_.publish(1, 2, payload.data(), payload.size()); }),
                ElementsAre("store lost_before0=1 relaxed"));
}

TEST_F(StoreOrder, CountersAndStateAreSingleStores) {
    EXPECT_THAT(log_.of([&] { producer_.count_lost(AEGIS_LOST_CLOSING); }),
                ElementsAre("store lost_before1=1 relaxed"));
    EXPECT_THAT(log_.of([&] { producer_.count_wakeups(3); }), ElementsAre("store wakeups_sent=3 relaxed"));
    EXPECT_THAT(log_.of([&] { producer_.close(); }), ElementsAre("store state=2 release"));
}

TEST_F(StoreOrder, CountersAndStateAreReadAsTheyAreWritten) {
    const auto memory = ring_.memory();
    EXPECT_THAT(log_.of([&] { (void)memory.load_published(); }), ElementsAre("load published acquire"));
    EXPECT_THAT(log_.of([&] { (void)memory.load_newest(); }), ElementsAre("load newest acquire"));
    EXPECT_THAT(log_.of([&] { (void)memory.load_lost_before(1); }), ElementsAre("load lost_before1 relaxed"));
    EXPECT_THAT(log_.of([&] { (void)memory.load_wakeups_sent(); }), ElementsAre("load wakeups_sent relaxed"));
    EXPECT_THAT(log_.of([&] { (void)memory.load_state(); }), ElementsAre("load state acquire"));
}

// Catches: the count looked at before the position: what is published in between would count as lost.
TEST_F(StoreOrder, AttachingToWhatFollowsLooksAtThePositionFirst) {
    EXPECT_THAT(log_.of([&] { (void)ring::next_event(ring_.memory()); }),
                ElementsAre("load newest acquire", "load published acquire", "load cell0.version acquire"));
    publish_short();
    EXPECT_THAT(log_.of([&] { (void)ring::next_event(ring_.memory()); }),
                ElementsAre("load newest acquire",         //
                            "load published acquire",      //
                            "load cell0.version acquire",  //
                            "load cell0.ticket relaxed",   //
                            "load cell0.word0 relaxed",    //
                            "fence acquire",               //
                            "load cell0.version relaxed"));
}

TEST_F(StoreOrder, AttachingToWhatIsKeptValidatesTheTicket) {
    publish_short();
    publish_short();
    EXPECT_THAT(log_.of([&] { (void)ring::oldest_event(ring_.memory()); }),
                ElementsAre("load newest acquire",         //
                            "load cell0.version acquire",  //
                            "load cell0.version acquire",  //
                            "load cell0.version acquire",  //
                            "load cell0.ticket relaxed",   //
                            "load cell0.word0 relaxed",    //
                            "fence acquire",               //
                            "load cell0.version relaxed"));
}

TEST_F(StoreOrder, AProducerStartsWithTheSharedWords) {
    EXPECT_THAT(log_.of([&] {
        ring::Producer<HookedAtomics>(ring_.memory(), {9, 7});
    }),
                ElementsAre("store newest=9 release", "store published=7 release"));
}

TEST_F(StoreOrder, ReadLooksCopiesFencesAndLooksAgain) {
    publish_short();
    ring::Consumer<HookedAtomics> consumer(ring_.memory(), {});
    EXPECT_THAT(log_.of([&] { consumer.read(event_); }), ElementsAre("load cell0.version acquire",  //
                                                                     "load cell0.ticket relaxed",   //
                                                                     "load cell0.word0 relaxed",    //
                                                                     "load cell0.word1 relaxed",    //
                                                                     "load cell0.word2 relaxed",    //
                                                                     "fence acquire",               //
                                                                     "load cell0.version relaxed"));
}

TEST_F(StoreOrder, ReadOfALongerEventCopiesEveryWordBeforeTheFence) {
    const std::array<std::uint64_t, 6> payload = {};
    producer_.publish(0, 0, payload.data(), sizeof(payload));
    ring::Consumer<HookedAtomics> consumer(ring_.memory(), {});
    EXPECT_THAT(log_.of([&] { consumer.read(event_); }), ElementsAre("load cell0.version acquire",  //
                                                                     "load cell0.ticket relaxed",   //
                                                                     "load cell0.word0 relaxed",    //
                                                                     "load cell0.word1 relaxed",    //
                                                                     "load cell0.word2 relaxed",    //
                                                                     "load cell0.word3 relaxed",    //
                                                                     "load cell1.word0 relaxed",    //
                                                                     "load cell1.word1 relaxed",    //
                                                                     "load cell1.word2 relaxed",    //
                                                                     "load cell1.word3 relaxed",    //
                                                                     "fence acquire",               //
                                                                     "load cell0.version relaxed"));
}

TEST_F(StoreOrder, EmptyReadLoadsTheCellsVersionAlone) {
    ring::Consumer<HookedAtomics> consumer(ring_.memory(), {});
    EXPECT_THAT(log_.of([&] { consumer.read(event_); }), ElementsAre("load cell0.version acquire"));
}

TEST_F(StoreOrder, LappedReadLooksForAPlaceAndReadsWhatIsThere) {
    for (int i = 0; i < 4; ++i) {
        publish_short();
    }
    ring::Consumer<HookedAtomics> consumer(ring_.memory(), {});
    EXPECT_THAT(log_.of([&] { consumer.read(event_); }), ElementsAre("load cell0.version acquire",  //
                                                                     "load newest acquire",         //
                                                                     "load cell2.version acquire",  //
                                                                     "load cell2.version acquire",  //
                                                                     "load cell2.ticket relaxed",   //
                                                                     "load cell2.word0 relaxed",    //
                                                                     "load cell2.word1 relaxed",    //
                                                                     "load cell2.word2 relaxed",    //
                                                                     "fence acquire",               //
                                                                     "load cell2.version relaxed"));
    EXPECT_EQ(consumer.lost(), 2U);
}

TEST_F(StoreOrder, LagIsOneLoad) {
    ring::Consumer<HookedAtomics> consumer(ring_.memory(), {});
    EXPECT_THAT(log_.of([&] { (void)consumer.lag(); }), ElementsAre("load published acquire"));
}

TEST_F(StoreOrder, GroupMemberValidatesBeforeItClaims) {
    publish_short();
    ring::ConsumerGroup<HookedAtomics> group(ring_.memory(), {});
    ring::GroupMember<HookedAtomics> member(group);
    // The group's own two words are the ones without a name here: its position, then its cursor.
    EXPECT_THAT(log_.of([&] { member.read(event_); }), ElementsAre("load unnamed relaxed",                        //
                                                                   "load cell0.version acquire",                  //
                                                                   "load cell0.ticket relaxed",                   //
                                                                   "load cell0.word0 relaxed",                    //
                                                                   "load cell0.word1 relaxed",                    //
                                                                   "load cell0.word2 relaxed",                    //
                                                                   "fence acquire",                               //
                                                                   "load cell0.version relaxed",                  //
                                                                   "load unnamed relaxed",                        //
                                                                   "compare-exchange unnamed=1 relaxed relaxed",  //
                                                                   "compare-exchange unnamed=1 relaxed relaxed"));
}

TEST_F(StoreOrder, GroupMemberOnAnEmptyCellClaimsNothing) {
    ring::ConsumerGroup<HookedAtomics> group(ring_.memory(), {});
    ring::GroupMember<HookedAtomics> member(group);
    EXPECT_THAT(log_.of([&] { member.read(event_); }),
                ElementsAre("load unnamed relaxed", "load cell0.version acquire"));
}

TEST_F(StoreOrder, LappedGroupMemberMovesOnAndClaimsTheLossWithAnEventInHand) {
    for (int i = 0; i < 4; ++i) {
        publish_short();
    }
    ring::ConsumerGroup<HookedAtomics> group(ring_.memory(), {});
    ring::GroupMember<HookedAtomics> member(group);
    EXPECT_THAT(log_.of([&] { member.read(event_); }), ElementsAre("load unnamed relaxed",                        //
                                                                   "load cell0.version acquire",                  //
                                                                   "load newest acquire",                         //
                                                                   "load cell2.version acquire",                  //
                                                                   "compare-exchange unnamed=2 relaxed relaxed",  //
                                                                   "load unnamed relaxed",                        //
                                                                   "load cell2.version acquire",                  //
                                                                   "load cell2.ticket relaxed",                   //
                                                                   "load cell2.word0 relaxed",                    //
                                                                   "load cell2.word1 relaxed",                    //
                                                                   "load cell2.word2 relaxed",                    //
                                                                   "fence acquire",                               //
                                                                   "load cell2.version relaxed",                  //
                                                                   "load unnamed relaxed",                        //
                                                                   "compare-exchange unnamed=2 relaxed relaxed"));
}

TEST_F(StoreOrder, ArmStoresFencesAndLooksAtTheCount) {
    EXPECT_THAT(log_.of([&] { listener_.arm(ring_.memory(), 0, 2); }), ElementsAre("store wake_at=2 relaxed",  //
                                                                                   "fence seq_cst",            //
                                                                                   "load published acquire",   //
                                                                                   "load state acquire"));
}

TEST_F(StoreOrder, ArmDisarmsWhenTheEventIsThere) {
    publish_short();
    EXPECT_THAT(log_.of([&] { listener_.arm(ring_.memory(), 0, 1); }), ElementsAre("store wake_at=1 relaxed",  //
                                                                                   "fence seq_cst",            //
                                                                                   "load published acquire",   //
                                                                                   "store wake_at=never relaxed"));
}

TEST_F(StoreOrder, AWaitThatGoesOnLeavesItsArmingAlone) {
    listener_.arm(ring_.memory(), 0, 1);
    EXPECT_THAT(log_.of([&] { listener_.wait_again(ring_.memory(), 0, 1); }),
                ElementsAre("load wake_at acquire",    //
                            "load published acquire",  //
                            "load state acquire"));
}

TEST_F(StoreOrder, AWaitWhoseArmingIsGoneArmsAgain) {
    EXPECT_THAT(log_.of([&] { listener_.wait_again(ring_.memory(), 0, 1); }),
                ElementsAre("load wake_at acquire",     //
                            "load published acquire",   //
                            "load state acquire",       //
                            "store wake_at=1 relaxed",  //
                            "fence seq_cst",            //
                            "load published acquire",   //
                            "load state acquire"));
}

TEST_F(StoreOrder, AWaitIsOverWhenTheEventIsThere) {
    publish_short();
    EXPECT_THAT(log_.of([&] { listener_.wait_again(ring_.memory(), 0, 1); }),
                ElementsAre("load wake_at acquire", "load published acquire"));
}

TEST_F(StoreOrder, DisarmAndReportAreSingleStores) {
    EXPECT_THAT(log_.of([&] { listener_.disarm(); }), ElementsAre("store wake_at=never relaxed"));
    EXPECT_THAT(log_.of([&] { listener_.report_cursor(9); }), ElementsAre("store cursor=9 relaxed"));
}

TEST_F(StoreOrder, RingWithoutBellsTouchesNothingAndPaysNoFence) {
    ring::DoorbellRinger<int, 1, HookedAtomics> ringer;
    EXPECT_THAT(log_.of([&] { ringer.ring(5, [](int) {}); }), IsEmpty());
}

TEST_F(StoreOrder, RingFencesOnceAndLoadsEachBell) {
    HookedAtomics::Atomic<std::uint64_t> other{AEGIS_WAKE_NEVER};
    log_.name(&other, "other_wake_at");
    ring::DoorbellRinger<int, 2, HookedAtomics> ringer;
    ringer.add(&wake_at_, 0);
    ringer.add(&other, 1);
    EXPECT_THAT(log_.of([&] { ringer.ring(5, [](int) {}); }), ElementsAre("fence seq_cst",         //
                                                                          "load wake_at relaxed",  //
                                                                          "load other_wake_at relaxed"));
}

TEST_F(StoreOrder, RingTakesADueBellByExchange) {
    ring::DoorbellRinger<int, 1, HookedAtomics> ringer;
    ringer.add(&wake_at_, 0);
    wake_at_.set_raw(5);
    EXPECT_THAT(log_.of([&] { ringer.ring(5, [](int) {}); }), ElementsAre("fence seq_cst",         //
                                                                          "load wake_at relaxed",  //
                                                                          "exchange wake_at=never relaxed"));
}

TEST(EmptyPoll, PausesSixtyFourTimes) {
    test::AccessLog log;
    EXPECT_THAT(log.of([] { ring::pause_after_empty_poll<HookedAtomics>(); }),
                testing::AllOf(testing::SizeIs(64), testing::Each("pause")));
}

}  // namespace
}  // namespace aegis
