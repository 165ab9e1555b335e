// The work-sharing reader: members together see each event exactly once.

#include "aegis/ring/consumer_group.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <type_traits>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/producer.hpp"
#include "support/event_recipe.hpp"
#include "support/group_ledger.hpp"
#include "support/one_cell.hpp"
#include "support/private_ring.hpp"
#include "support/stepping.hpp"

namespace aegis {
namespace {

using ring::ReadStatus;
using test::HookedAtomics;

constexpr std::size_t kEventWords = 6;
constexpr test::EventRecipe kRecipe(7, 0, (kEventWords - 2) * 8);

// Ring, producer, group and three members with their records.
template <class Atomics>
struct Bench {
    explicit Bench(std::uint64_t cells) : ring(cells, kEventWords), producer(ring.memory()), group(ring.memory(), {}) {}

    ReadStatus read(int who) {
        ring::EventBuffer event;
        const ReadStatus status = members[who].read(event);
        records[who].after_read(members[who], status, event);
        return status;
    }

    void drain(int who) {
        while (read(who) != ReadStatus::kEmpty) {
        }
    }

    std::string disagreement() {
        return test::disagreement({&records[0], &records[1], &records[2]}, 0, group.cursor());
    }

    test::PrivateRing<Atomics> ring;
    ring::Producer<Atomics> producer;
    ring::ConsumerGroup<Atomics> group;
    ring::GroupMember<Atomics> members[3] = {ring::GroupMember<Atomics>(group), ring::GroupMember<Atomics>(group),
                                             ring::GroupMember<Atomics>(group)};
    test::MemberRecord records[3] = {test::MemberRecord(kRecipe), test::MemberRecord(kRecipe),
                                     test::MemberRecord(kRecipe)};
};

// Catches: a cursor or a position that is left where the group began.
TEST(Group, MembersGoOnWhereAConsumerIsThatReadInTheirPlace) {
    Bench<ring::StdAtomics> bench(8);
    ring::Consumer<> alone(bench.ring.memory(), {});
    ring::EventBuffer event;
    test::publish_many(bench.producer, kRecipe, 6);
    for (ring::Ticket ticket = 0; ticket < 4; ++ticket) {
        ASSERT_EQ(alone.read(event), ReadStatus::kEvent);
        bench.group.follow(alone.cursor(), alone.position());
        EXPECT_EQ(bench.group.cursor(), ticket + 1);
    }
    // Where the group began there is something else by now: who looks there finds itself lapped.
    test::publish_many(bench.producer, kRecipe, 6);
    for (ring::Ticket ticket = 4; ticket < 12; ++ticket) {
        ASSERT_EQ(bench.members[0].read(event), ReadStatus::kEvent);
        EXPECT_EQ(event.ticket(), ticket);
    }
    EXPECT_EQ(bench.members[0].lost(), 0U);
    EXPECT_EQ(bench.members[0].read(event), ReadStatus::kEmpty);
}

TEST(Group, StartsWhereItIsToldTo) {
    test::PrivateRing<> ring(4, kEventWords);
    const ring::ConsumerGroup<> group(ring.memory(), test::at(17));
    EXPECT_EQ(group.cursor(), 17U);
    EXPECT_EQ(group.lag(), 0U);
    EXPECT_EQ(group.memory().data_words(group.memory().place_of(1)), ring.event(1));
}

TEST(Group, CanBeNeitherCopiedNorMoved) {
    EXPECT_FALSE(std::is_copy_constructible_v<ring::ConsumerGroup<>>);
    EXPECT_FALSE(std::is_copy_assignable_v<ring::ConsumerGroup<>>);
}

// The members' compare-exchanges must not share a line with what every read looks at.
TEST(Group, KeepsItsCursorOnALineOfItsOwn) {
    EXPECT_EQ(alignof(ring::ConsumerGroup<>), 64U);
    EXPECT_EQ(sizeof(ring::ConsumerGroup<>), 192U);
}

TEST(Group, AnEmptyRingGivesEveryMemberNothing) {
    Bench<ring::StdAtomics> bench(4);
    EXPECT_EQ(bench.read(0), ReadStatus::kEmpty);
    EXPECT_EQ(bench.read(1), ReadStatus::kEmpty);
    EXPECT_EQ(bench.group.cursor(), 0U);
    EXPECT_EQ(bench.members[0].delivered() + bench.members[0].lost(), 0U);
}

TEST(Group, MembersTakeTurnsWithoutAGap) {
    Bench<ring::StdAtomics> bench(8);
    for (std::uint64_t ticket = 0; ticket < 100; ++ticket) {
        test::publish_next(bench.producer, kRecipe);
        EXPECT_EQ(bench.group.lag(), 1U);
        const int who = static_cast<int>(ticket % 3);
        ASSERT_EQ(bench.read(who), ReadStatus::kEvent);
        EXPECT_EQ(bench.group.cursor(), ticket + 1);
        EXPECT_EQ(bench.group.lag(), 0U);
        EXPECT_EQ(bench.read((who + 1) % 3), ReadStatus::kEmpty);
    }
    EXPECT_EQ(bench.disagreement(), "");
    EXPECT_EQ(bench.members[0].delivered(), 34U);
    EXPECT_EQ(bench.members[1].delivered(), 33U);
    EXPECT_EQ(bench.members[2].delivered(), 33U);
}

TEST(Group, LagIsTheDistanceToTheSharedCountAndNeverNegative) {
    Bench<ring::StdAtomics> bench(8);
    test::publish_many(bench.producer, kRecipe, 5);
    EXPECT_EQ(bench.group.lag(), 5U);
    bench.drain(0);
    bench.ring.published.store(4);
    EXPECT_EQ(bench.group.lag(), 0U);
    bench.ring.published.store(6);
    EXPECT_EQ(bench.group.lag(), 1U);
}

TEST(Group, DoesNotDisturbAnotherGroupOrAConsumer) {
    Bench<ring::StdAtomics> bench(8);
    ring::ConsumerGroup<> other(bench.ring.memory(), {});
    ring::GroupMember<> other_member(other);
    ring::Consumer<> consumer(bench.ring.memory(), {});
    test::publish_many(bench.producer, kRecipe, 6);
    bench.drain(0);
    ring::EventBuffer event;
    for (std::uint64_t ticket = 0; ticket < 6; ++ticket) {
        ASSERT_EQ(other_member.read(event), ReadStatus::kEvent);
        EXPECT_EQ(event.ticket(), ticket);
        ASSERT_EQ(consumer.read(event), ReadStatus::kEvent);
        EXPECT_EQ(event.ticket(), ticket);
    }
}

// A loss belongs to the member that claims it, and to no other.
TEST(Group, CountsALossOnce) {
    Bench<ring::StdAtomics> bench(4);
    test::publish_many(bench.producer, kRecipe, 11);
    EXPECT_EQ(bench.read(1), ReadStatus::kLapped);
    EXPECT_EQ(bench.members[1].last_loss().first, 0U);
    EXPECT_EQ(bench.members[1].last_loss().count, 9U);
    EXPECT_EQ(bench.read(0), ReadStatus::kEvent);
    EXPECT_EQ(bench.read(2), ReadStatus::kEvent);
    EXPECT_EQ(bench.read(0), ReadStatus::kEmpty);
    EXPECT_EQ(bench.members[0].lost() + bench.members[2].lost(), 0U);
    EXPECT_EQ(bench.members[1].lost(), 9U);
    EXPECT_EQ(bench.disagreement(), "");
}

// At each access of a member's read another one reads, after the producer has published some more; and at each access
// of that one a third member does the same.
//
// Catches: the claim as a load and a store, as a store, or as a fetch-add; the claim before the copy; a failed claim
// that delivers all the same or counts; a loss claimed twice.
TEST(GroupInterleaving, EachTicketGoesToExactlyOneMember) {
    std::uint64_t collisions = 0;
    for (const std::uint64_t slots : {2U, 4U}) {
        for (std::uint64_t before = 1; before <= slots + 2; ++before) {
            for (std::uint64_t between = 0; between <= slots + 1; ++between) {
                for (std::size_t outer = 0;; ++outer) {
                    bool outer_hit = false;
                    for (std::size_t inner = 0;; ++inner) {
                        Bench<HookedAtomics> bench(slots);
                        test::publish_many(bench.producer, kRecipe, before);
                        bool inner_hit = false;
                        outer_hit =
                            test::run_with_intruder([&] { bench.read(0); }, outer,
                                                    [&] {
                                                        test::publish_many(bench.producer, kRecipe, between);
                                                        inner_hit = test::run_with_intruder(
                                                            [&] { bench.read(1); }, inner,
                                                            [&] {
                                                                test::publish_many(bench.producer, kRecipe, between);
                                                                bench.read(2);
                                                            });
                                                    });
                        ASSERT_EQ(bench.disagreement(), "") << "outer " << outer << ", inner " << inner << ", before "
                                                            << before << ", between " << between;
                        collisions += inner_hit ? 1U : 0U;

                        bench.drain(1);
                        ASSERT_EQ(bench.disagreement(), "");
                        ASSERT_EQ(bench.group.cursor(), bench.producer.published());
                        if (!inner_hit) {
                            break;
                        }
                    }
                    if (!outer_hit) {
                        break;
                    }
                }
            }
        }
    }
    EXPECT_GT(collisions, 1000U);
}

// A member that is stopped for good takes at most the one event it had claimed; the others go on, also when it did not
// move the group past that event any more.
//
// Catches: claiming before the copy is validated; an event that is claimed delivered again, or waited for.
TEST(GroupInterleaving, AStoppedMemberTakesOnlyWhatItClaimed) {
    std::size_t claims_without_moving = 0;
    for (std::size_t step = 0;; ++step) {
        Bench<HookedAtomics> bench(4);
        test::publish_many(bench.producer, kRecipe, 3);
        ring::EventBuffer event;
        const bool stopped = test::run_until([&] { bench.members[0].read(event); }, step);
        const std::uint64_t claimed = bench.group.cursor();
        EXPECT_LE(claimed, 1U);
        EXPECT_TRUE(stopped || claimed == 1);
        claims_without_moving += stopped && claimed == 1 ? 1 : 0;
        bench.drain(1);
        EXPECT_EQ(bench.members[1].delivered(), 3U - claimed);
        EXPECT_EQ(bench.members[1].lost(), 0U);
        EXPECT_EQ(bench.group.cursor(), 3U);
        if (!stopped) {
            break;
        }
    }
    EXPECT_EQ(claims_without_moving, 1U) << "the claim is the last access but one";
}

// A member that was overtaken tries again by itself: it never reports empty while its copy of the cursor is merely old.
TEST(GroupInterleaving, AnOvertakenMemberGetsTheNextEvent) {
    Bench<HookedAtomics> bench(4);
    test::publish_many(bench.producer, kRecipe, 2);
    ReadStatus status = ReadStatus::kEmpty;
    // Access 0 is the cursor: the other member takes ticket 0 right after it was read.
    ASSERT_TRUE(test::run_with_intruder([&] { status = bench.read(0); }, 1, [&] { bench.read(1); }));
    EXPECT_EQ(status, ReadStatus::kEvent);
    EXPECT_EQ(bench.group.cursor(), 2U);
    EXPECT_EQ(bench.members[0].delivered(), 1U);
    EXPECT_EQ(bench.members[0].lost(), 0U);
    EXPECT_EQ(bench.disagreement(), "");
}

}  // namespace
}  // namespace aegis
