// Readers that die in the middle of a read: at every step of a copy, of a search after a lap, of a claim.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <new>

#include "aegis/ring/producer.hpp"
#include "contention/child_reader.hpp"
#include "contention/jitter_atomics.hpp"
#include "contention/scale.hpp"
#include "contention/suicidal_atomics.hpp"
#include "support/seed.hpp"

namespace aegis {
namespace {

using test::SuicidalAtomics;

// Parameter: bytes of payload.
class KilledReader : public testing::TestWithParam<std::size_t> {
  protected:
    KilledReader() { survivor_report_->wait_until_started(); }

    // A child that reads from `start` on until it has made so many accesses, while the producer goes on.
    void kill_after(std::uint64_t accesses, ring::Beginning start) {
        test::ChildProcess victim([&] {
            const test::Mapping mapping = ring_.map_read_only();
            const auto opened = ring::open_region<SuicidalAtomics>(mapping.data(), mapping.size());
            ring::Consumer<SuicidalAtomics> consumer(opened.memory, start);
            ring::EventBuffer event;
            SuicidalAtomics::die_after(accesses);
            for (;;) {
                consumer.read(event);
            }
        });
        test::publish_many(producer_, recipe_, 5);
        EXPECT_TRUE(victim.was_killed()) << accesses;
    }

    ring::Beginning newest() const { return {producer_.newest(), producer_.published() - 1}; }

    // Nothing that happened to the others reached the survivor.
    void check_survivor() {
        traffic_->end(producer_.published());
        EXPECT_TRUE(survivor_.ended_well());
        EXPECT_STREQ(survivor_report_->complaint.data(), "");
        EXPECT_EQ(survivor_report_->delivered + survivor_report_->lost, producer_.published());
    }

    static constexpr std::uint32_t kCells = 17;
    const std::uint64_t cells_of_event_ =
        (sizeof(AEGIS_EVENT_HEADER) + GetParam() + AEGIS_CELL_DATA_BYTES - 1) / AEGIS_CELL_DATA_BYTES;
    // One look, the ticket, the words, one look, and the look that finds nothing afterwards.
    const std::uint64_t steps_of_read_ = 4 + (sizeof(AEGIS_EVENT_HEADER) + GetParam()) / 8;

    test::EventRecipe recipe_{test::run_seed(), GetParam(), GetParam()};
    test::SharedRing ring_{kCells};
    test::Shared<test::Traffic> traffic_;
    test::Shared<test::Report> survivor_report_;
    test::ChildProcess survivor_{
        [this] { test::read_in_child<ring::StdAtomics>(ring_, {}, recipe_, *traffic_, *survivor_report_); }};
    ring::Producer<> producer_{ring_.memory()};
};

// Events of two cells, and of the most there are.
INSTANTIATE_TEST_SUITE_P(Payloads, KilledReader,
                         testing::Values(320, AEGIS_RING_EVENT_BYTES - sizeof(AEGIS_EVENT_HEADER)),
                         testing::PrintToStringParamName());

// Killed at every single access of a read, the copies of all pieces included.
TEST_P(KilledReader, AtAnyStepOfACopyHarmsNobody) {
    for (std::uint64_t step = 0; step < steps_of_read_; ++step) {
        test::publish_many(producer_, recipe_, 1);
        kill_after(step, newest());
        test::publish_many(producer_, recipe_, 20);
    }
    check_survivor();
}

// The same of events whose pieces go on at the ring's beginning.
TEST_P(KilledReader, AtAnyStepOfACopyOverTheEndOfTheRingHarmsNobody) {
    for (std::uint64_t step = 0; step < steps_of_read_; ++step) {
        do {
            test::publish_many(producer_, recipe_, 1);
        } while (producer_.newest() % kCells + cells_of_event_ <= kCells);
        kill_after(step, newest());
    }
    check_survivor();
}

// A lapped reader: the look, the newest position, the search, the copy that tells the loss, and the next read.
TEST_P(KilledReader, AtAnyStepAfterALapHarmsNobody) {
    const std::uint64_t steps = 2 + std::uint64_t{3} * AEGIS_EVENT_CELLS_MAX + 2 * steps_of_read_;
    for (std::uint64_t step = 0; step < steps; ++step) {
        const ring::Beginning start = newest();
        test::publish_many(producer_, recipe_, kCells);
        kill_after(step, start);
    }
    check_survivor();
}

TEST_P(KilledReader, AtAnyMomentHarmsNobody) {
    test::Random random = test::random_stream(101);
    for (std::uint64_t round = 0; round < std::max<std::uint64_t>(test::scaled(60), 10); ++round) {
        test::Shared<test::Report> report;
        const ring::Beginning start = ring::next_event(ring_.memory());
        test::ChildProcess victim(
            [&] { test::read_in_child<test::JitterAtomics>(ring_, start, recipe_, *traffic_, *report); });
        report->wait_until_started();
        test::publish_many(producer_, recipe_, random.below(3000));
        victim.kill_now();
        EXPECT_TRUE(victim.was_killed());
        test::publish_many(producer_, recipe_, random.below(50));
    }
    check_survivor();
}

// A group of processes, whose first member dies after so many accesses, and the one that goes on alone. The group
// begins at the first of `events` events of one cell.
class DyingGroup {
  public:
    explicit DyingGroup(std::uint64_t events) { test::publish_many(producer_, recipe_, events); }

    void kill_after(std::uint64_t accesses) {
        test::ChildProcess victim([&] {
            auto* view = std::launder(reinterpret_cast<VictimGroup*>(shared_.data()));
            ring::GroupMember<SuicidalAtomics> member(*view);
            ring::EventBuffer event;
            SuicidalAtomics::die_after(accesses);
            for (;;) {
                member.read(event);
            }
        });
        EXPECT_TRUE(victim.was_killed()) << accesses;
    }

    ring::Ticket cursor() const { return group_->cursor(); }

    // Everything that the dead one did not claim is the heir's. Gives what that counts as lost.
    std::uint64_t lost_by_heir() {
        const ring::Ticket claimed = cursor();
        ring::GroupMember<> heir(*group_);
        test::MemberRecord record(recipe_);
        test::Traffic traffic;
        traffic.end(producer_.published());
        test::read_to_the_end(heir, record, traffic);
        EXPECT_EQ(test::disagreement({&record}, claimed, producer_.published()), "");
        return heir.lost();
    }

    static constexpr std::uint32_t kCells = 8;

  private:
    // Two views of one group, to give the victim its own atomic type: its words are 64 bits wide in both.
    using Group = ring::ConsumerGroup<>;
    using VictimGroup = ring::ConsumerGroup<SuicidalAtomics>;
    static_assert(sizeof(Group) == sizeof(VictimGroup));

    test::EventRecipe recipe_{test::run_seed(), 8, 8};
    test::SharedRing ring_{kCells};
    ring::Producer<> producer_{ring_.memory()};
    test::Mapping shared_ = test::Mapping::shared_with_children(sizeof(Group));
    Group* group_ = new (shared_.data()) Group(ring_.memory(), {});
};

// It takes with it what it had claimed, no more.
//
// Catches: the claim before the copy (a member killed in between would lose an event that it never held); a group that
// waits for a dead member to move on.
TEST(KilledMember, TakesAtMostTheOneEventItClaimed) {
    std::uint64_t killed_before_claim = 0;
    // Position, look, ticket, three words, look, cursor, claim, move, and the position again.
    constexpr std::uint64_t kSteps = 11;
    for (std::uint64_t step = 0; step < kSteps; ++step) {
        DyingGroup group(4);
        group.kill_after(step);
        EXPECT_LE(group.cursor(), 1U);
        killed_before_claim += group.cursor() == 0 ? 1U : 0U;
        EXPECT_EQ(group.lost_by_heir(), 0U);
    }
    EXPECT_EQ(killed_before_claim, 9U) << "the claim is the ninth access; only then is the event the member's";
}

// A loss is told by one member: by the dead one, or by the heir when it died before it had claimed the loss.
//
// Catches: a loss that is claimed before the event behind it was read; a position that a dead member keeps from moving.
TEST(KilledMember, OfALappedGroupTellsTheLossOrLeavesIt) {
    constexpr std::uint64_t kEvents = 20;
    constexpr ring::Ticket kResume = kEvents - DyingGroup::kCells + 1 + DyingGroup::kCells / 4;
    std::uint64_t killed_before_claim = 0;
    // Position, look, newest, one look of the search, move; then as above with the loss for the event; then the event.
    constexpr std::uint64_t kSteps = 5 + 9 + 10;
    for (std::uint64_t step = 0; step < kSteps; ++step) {
        DyingGroup group(kEvents);
        group.kill_after(step);
        const ring::Ticket claimed = group.cursor();
        EXPECT_TRUE(claimed == 0 || claimed == kResume || claimed == kResume + 1) << claimed;
        killed_before_claim += claimed == 0 ? 1U : 0U;
        EXPECT_EQ(group.lost_by_heir(), claimed == 0 ? kResume : 0U);
    }
    EXPECT_EQ(killed_before_claim, 5U + 9U) << "the claim is the ninth access after the move";
}

}  // namespace
}  // namespace aegis
