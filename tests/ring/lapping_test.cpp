// A reader met by the producer at every phase of its copy, and a producer stopped at every one of its steps.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

#include "aegis/ring/consumer.hpp"
#include "support/event_recipe.hpp"
#include "support/private_ring.hpp"
#include "support/reader_audit.hpp"
#include "support/stepping.hpp"

namespace aegis {
namespace {

using ring::ReadStatus;
using test::HookedAtomics;

constexpr std::size_t kEventWords = 7;
constexpr test::EventRecipe kRecipe(3, 0, (kEventWords - 2) * 8);

struct Bench {
    explicit Bench(std::uint64_t slots) : ring(slots, kEventWords), producer(ring.memory()) {}

    // Publishes `whole` events and stops the next one before its access number `steps`. Goes on from there the way a
    // resumed producer would: the same ticket, from its first step.
    void advance(std::uint64_t whole, std::size_t steps) {
        test::publish_many(producer, kRecipe, whole);
        ring::Producer<HookedAtomics> stopped = producer;
        test::run_until([&] { test::publish_next(stopped, kRecipe); }, steps);
    }

    test::PrivateRing<HookedAtomics> ring;
    ring::Producer<HookedAtomics> producer;
};

// The most accesses one publish makes: both marks, the fence, the words, the count.
constexpr std::size_t kMostSteps = 4 + kEventWords;
// And one read: two looks, the fence, the words; or one look and the count.
constexpr std::size_t kMostAccesses = 3 + kEventWords;

class Lapping : public testing::TestWithParam<std::uint64_t> {};

INSTANTIATE_TEST_SUITE_P(SlotCounts, Lapping, testing::Values(2, 4, 8), testing::PrintToStringParamName());

// At access `index` of a read the producer makes `whole` publishes and `steps` accesses of another one, for all of
// them. A delivered event must be the one of its ticket; what follows must add up to the last event.
//
// Catches: the second look dropped or compared wrongly, the odd mark dropped or set late, the even mark set early, a
// torn size used unclamped, a loss counted twice or not at all.
TEST_P(Lapping, AtEveryPhaseOfACopyGivesTheEventOrALoss) {
    const std::uint64_t slots = GetParam();
    std::uint64_t lapped_while_copying = 0;
    for (std::uint64_t before = 1; before <= slots + 1; ++before) {
        for (std::size_t index = 0; index <= kMostAccesses; ++index) {
            for (std::uint64_t whole = 0; whole <= 2 * slots + 1; ++whole) {
                for (std::size_t steps = 0; steps <= kMostSteps; ++steps) {
                    Bench bench(slots);
                    test::publish_many(bench.producer, kRecipe, before);
                    const ring::Ticket start = before > slots ? before - slots : 0;
                    ring::Consumer<HookedAtomics> consumer(bench.ring.memory(), start);
                    test::ReaderAudit audit(kRecipe, start);

                    ring::EventBuffer event;
                    ReadStatus status = ReadStatus::kEmpty;
                    test::run_with_intruder([&] { status = consumer.read(event); }, index,
                                            [&] { bench.advance(whole, steps); });
                    audit.after_read(consumer, status, event);
                    ASSERT_NE(status, ReadStatus::kEmpty) << "the event was there before the read began";
                    lapped_while_copying += status == ReadStatus::kLapped && index > 0 ? 1U : 0U;

                    test::publish_many(bench.producer, kRecipe, 1);
                    audit.drain(consumer);
                    ASSERT_EQ(audit.complaint(), "")
                        << "index " << index << ", whole " << whole << ", steps " << steps << ", before " << before;
                    ASSERT_EQ(consumer.cursor(), bench.producer.published());
                }
            }
        }
    }
    EXPECT_GT(lapped_while_copying, 0U) << "the interleavings must have hit the copy";
}

// The slot of the cursor, overwritten from its first to its last step: as long as the odd mark is not set, the read
// is good; from then on the event is gone.
TEST(LappingStep, TheOddMarkAloneEndsTheOldEvent) {
    for (std::size_t steps = 0; steps <= kMostSteps; ++steps) {
        Bench bench(2);
        test::publish_many(bench.producer, kRecipe, 2);
        bench.advance(0, steps);
        ring::Consumer<HookedAtomics> consumer(bench.ring.memory(), 0);
        ring::EventBuffer event;
        const ReadStatus status = consumer.read(event);
        if (steps == 0) {
            EXPECT_EQ(status, ReadStatus::kEvent);
            EXPECT_TRUE(kRecipe.matches(event, 0));
        } else {
            EXPECT_EQ(status, ReadStatus::kLapped) << steps;
            // Until ticket 2 is counted, ticket 1 is intact for sure; afterwards ticket 3 may be in the making.
            EXPECT_EQ(consumer.cursor(), bench.ring.published.raw() == 2 ? 1U : 2U) << steps;
            EXPECT_EQ(consumer.lost(), consumer.cursor()) << steps;
        }
    }
}

// A producer that is stopped in the middle of a publish hides that event, shows every one before it, and harms no
// reader for as long as it stays there.
//
// Catches: the even mark or the count stored before the words.
TEST(StoppedProducer, HidesTheUnfinishedEventOnly) {
    const std::size_t accesses = [] {
        Bench bench(4);
        bench.advance(2, 0);
        return test::count_accesses([&] { test::publish_next(bench.producer, kRecipe); });
    }();
    for (std::size_t steps = 0; steps <= accesses; ++steps) {
        Bench bench(4);
        bench.advance(2, steps);
        ring::Consumer<HookedAtomics> consumer(bench.ring.memory(), 0);
        test::ReaderAudit audit(kRecipe, 0);
        // The last access is the count, and the last but one the even mark.
        const std::uint64_t visible = steps >= accesses - 1 ? 3 : 2;
        EXPECT_EQ(audit.drain(consumer), visible) << steps;
        EXPECT_EQ(audit.drain(consumer), 0U) << steps;
        EXPECT_EQ(bench.ring.published.raw(), steps == accesses ? 3U : 2U) << steps;

        test::publish_many(bench.producer, kRecipe, 1);
        audit.drain(consumer);
        EXPECT_EQ(consumer.delivered(), 3U) << "the resumed producer's event arrives";
        EXPECT_EQ(audit.complaint(), "");
    }
}

// The writer can be ahead by any number of laps when the reader looks again; none of them may look like "the same".
//
// Catches: versions narrower than 64 bits or compared modulo something.
TEST(LappingDistance, NoNumberOfLapsLooksLikeNone) {
    for (unsigned shift = 0; shift < 62; ++shift) {
        test::PrivateRing<HookedAtomics> ring(2, kEventWords);
        ring::Producer<HookedAtomics> producer(ring.memory());
        test::publish_next(producer, kRecipe);
        ring::Consumer<HookedAtomics> consumer(ring.memory(), 0);
        ring::EventBuffer event;
        ReadStatus status = ReadStatus::kEmpty;
        const ring::Ticket ahead = std::uint64_t{2} << shift;
        test::run_with_intruder([&] { status = consumer.read(event); }, 2,
                                [&] {
                                    ring::Producer<HookedAtomics> later(ring.memory(), ahead);
                                    test::publish_next(later, kRecipe);
                                });
        EXPECT_EQ(status, ReadStatus::kLapped) << shift;
        EXPECT_EQ(consumer.cursor(), ahead) << "published is " << ahead + 1 << ", and a ring of two keeps one for sure";
    }
}

}  // namespace
}  // namespace aegis
