// A reader met by the producer at every phase of its copy, and a producer stopped at every one of its steps.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

#include "aegis/ring/consumer.hpp"
#include "support/event_recipe.hpp"
#include "support/one_cell.hpp"
#include "support/private_ring.hpp"
#include "support/reader_audit.hpp"
#include "support/stepping.hpp"

namespace aegis {
namespace {

using ring::ReadStatus;
using test::HookedAtomics;

// Cells of four words, events of 2 to 11 words: one to three cells.
constexpr std::size_t kEventWords = 4;
constexpr std::size_t kMostCells = 3;
constexpr std::size_t kMostWords = 11;
constexpr test::EventRecipe kRecipe(3, 0, (kMostWords - 2) * 8);
constexpr test::EventRecipe kOneCell(3, 0, (kEventWords - 2) * 8);

struct Bench {
    explicit Bench(std::uint64_t cells, const test::EventRecipe& events = kRecipe)
        : ring(cells, kEventWords), producer(ring.memory()), recipe(events) {}

    // Publishes `whole` events and stops the next one before its access number `steps`. Goes on from there the way a
    // resumed producer would: the same ticket, from its first step.
    void advance(std::uint64_t whole, std::size_t steps) {
        test::publish_many(producer, recipe, whole);
        ring::Producer<HookedAtomics> stopped = producer;
        test::run_until([&] { test::publish_next(stopped, recipe); }, steps);
    }

    test::PrivateRing<HookedAtomics> ring;
    ring::Producer<HookedAtomics> producer;
    test::EventRecipe recipe;
};

// The most accesses one publish makes: a mark for each cell and the even one, the fence, the ticket, the words, newest
// and the count.
constexpr std::size_t kMostSteps = kMostCells + 5 + kMostWords;
// And one read: two looks, the ticket, the fence, the words; then perhaps the search for a place and another read.
constexpr std::size_t kMostAccesses = 2 * (4 + kMostWords) + 1 + 3 * kMostCells;

class Lapping : public testing::TestWithParam<std::uint64_t> {};

// Three cells: the largest event fills the ring. Seven: events lie across the end in every way there is.
INSTANTIATE_TEST_SUITE_P(CellCounts, Lapping, testing::Values(3, 4, 7), testing::PrintToStringParamName());

// At access `index` of a read the producer makes `whole` publishes and `steps` accesses of another one, for all of
// them. A delivered event must be the one of its ticket; what follows must add up to the last event.
//
// Catches: the second look dropped or compared wrongly, an odd mark dropped or set late, the even mark set early, a
// torn size used unclamped, a loss counted twice or not at all, a piece taken from the wrong cell.
TEST_P(Lapping, AtEveryPhaseOfACopyGivesTheEventOrALoss) {
    const std::uint64_t cells = GetParam();
    std::uint64_t lapped_while_copying = 0;
    std::uint64_t nothing_left = 0;
    for (std::uint64_t before = 1; before <= cells + 2; ++before) {
        for (std::size_t index = 0; index <= kMostAccesses; ++index) {
            for (std::uint64_t whole = 0; whole <= cells + 1; ++whole) {
                for (std::size_t steps = 0; steps <= kMostSteps; ++steps) {
                    Bench bench(cells);
                    test::publish_many(bench.producer, kRecipe, before);
                    const ring::Beginning start = ring::oldest_event(bench.ring.memory());
                    ring::Consumer<HookedAtomics> consumer(bench.ring.memory(), start);
                    test::ReaderAudit audit(kRecipe, start.ticket);

                    ring::EventBuffer event;
                    ReadStatus status = ReadStatus::kEmpty;
                    test::run_with_intruder([&] { status = consumer.read(event); }, index,
                                            [&] { bench.advance(whole, steps); });
                    audit.after_read(consumer, status, event);
                    lapped_while_copying += status == ReadStatus::kLapped && index > 1 ? 1U : 0U;
                    nothing_left += status == ReadStatus::kEmpty ? 1U : 0U;

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
    // The next event in the making, and no other one left: only where the largest event takes most of the ring.
    EXPECT_EQ(nothing_left > 0, cells <= kMostCells + 1) << nothing_left;
}

// The cell of the cursor, overwritten from its first to its last step: as long as the odd mark is not set, the read
// is good; from then on the event is gone.
TEST(LappingStep, TheOddMarkAloneEndsTheOldEvent) {
    for (std::size_t steps = 0; steps <= kMostSteps; ++steps) {
        Bench bench(2, kOneCell);
        test::publish_many(bench.producer, kOneCell, 2);
        bench.advance(0, steps);
        ring::Consumer<HookedAtomics> consumer(bench.ring.memory(), {});
        ring::EventBuffer event;
        const ReadStatus status = consumer.read(event);
        if (steps == 0) {
            EXPECT_EQ(status, ReadStatus::kEvent);
            EXPECT_TRUE(kOneCell.matches(event, 0));
        } else {
            EXPECT_EQ(status, ReadStatus::kLapped) << steps;
            // Until ticket 2 is the newest, ticket 1 is intact for sure; afterwards ticket 3 may be in the making.
            EXPECT_EQ(consumer.cursor(), bench.ring.newest.raw() == 1 ? 1U : 2U) << steps;
            EXPECT_EQ(consumer.lost(), consumer.cursor()) << steps;
        }
    }
}

// Any cell of an event, marked again, ends the events that it belonged to and no other; the first one is marked before
// any payload of a later event is written.
//
// Catches: an odd mark of a continuation left out: a reader of the lap before would take the cell for its event.
TEST(LappingStep, EveryCellOfALongEventIsMarkedBeforeItIsWritten) {
    for (std::uint64_t cells = 3; cells <= 6; ++cells) {
        for (std::size_t steps = 0; steps <= kMostSteps; ++steps) {
            Bench bench(cells, kOneCell);
            test::publish_many(bench.producer, kOneCell, cells);
            // Its cells are those of tickets 0 to 2.
            const std::array<std::uint64_t, kMostWords - 2> payload = {1, 2, 3, 4, 5, 6, 7, 8, 9};
            test::run_until([&] { bench.producer.publish(9, 9, payload.data(), sizeof(payload)); }, steps);
            for (ring::Ticket ticket = 0; ticket < cells; ++ticket) {
                ring::Consumer<HookedAtomics> consumer(bench.ring.memory(), test::at(ticket));
                ring::EventBuffer event;
                const ring::detail::EventRead read =
                    ring::detail::read_event(bench.ring.memory(), bench.ring.memory().place_of(ticket), event);
                const bool marked = ticket < kMostCells && steps > ticket;
                ASSERT_EQ(read.status, marked ? ReadStatus::kLapped : ReadStatus::kEvent) << ticket << " at " << steps;
                ASSERT_TRUE(marked || kOneCell.matches(event, ticket)) << ticket << " at " << steps;
            }
        }
    }
}

// A producer that is stopped in the middle of a publish hides that event, shows every one before it, and harms no
// reader for as long as it stays there.
//
// Catches: the even mark or the count stored before the words.
TEST(StoppedProducer, HidesTheUnfinishedEventOnly) {
    const std::size_t accesses = [] {
        Bench bench(12);
        bench.advance(2, 0);
        return test::count_accesses([&] { test::publish_next(bench.producer, kRecipe); });
    }();
    for (std::size_t steps = 0; steps <= accesses; ++steps) {
        Bench bench(12);
        bench.advance(2, steps);
        ring::Consumer<HookedAtomics> consumer(bench.ring.memory(), {});
        test::ReaderAudit audit(kRecipe, 0);
        // The last access is the count, before it the newest position and before that the even mark.
        const std::uint64_t visible = steps >= accesses - 2 ? 3 : 2;
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
        test::publish_next(producer, kOneCell);
        ring::Consumer<HookedAtomics> consumer(ring.memory(), {});
        ring::EventBuffer event;
        ReadStatus status = ReadStatus::kEmpty;
        const ring::Ticket ahead = std::uint64_t{2} << shift;
        test::run_with_intruder([&] { status = consumer.read(event); }, 2,
                                [&] {
                                    ring::Producer<HookedAtomics> later(ring.memory(), test::at(ahead));
                                    test::publish_next(later, kOneCell);
                                });
        EXPECT_EQ(status, ReadStatus::kLapped) << shift;
        EXPECT_EQ(consumer.cursor(), ahead) << "published is " << ahead + 1 << ", and a ring of two keeps one for sure";
    }
}

// Bytes that no producer wrote: a version that went down while the event was copied is no more intact than one that
// went up.
//
// Catches: a second look that takes any version up to the event's own.
TEST(LappingStep, AVersionThatGoesDownEndsTheEvent) {
    const std::size_t accesses = [] {
        Bench bench(4, kOneCell);
        bench.advance(1, 0);
        ring::Consumer<HookedAtomics> consumer(bench.ring.memory(), {});
        ring::EventBuffer event;
        return test::count_accesses([&] { consumer.read(event); });
    }();
    for (std::size_t index = 1; index < accesses; ++index) {
        for (const std::uint64_t version : {std::uint64_t{0}, ring::version_while_written(0)}) {
            Bench bench(4, kOneCell);
            bench.advance(1, 0);
            ring::RingMemory<HookedAtomics> memory = bench.ring.memory();
            auto* first_word = memory.data_words(memory.place_of(0)) - AEGIS_CELL_HEADER_BYTES / sizeof(std::uint64_t);
            ring::Consumer<HookedAtomics> consumer(memory, {});
            ring::EventBuffer event;
            ReadStatus status = ReadStatus::kEvent;
            test::run_with_intruder([&] { status = consumer.read(event); }, index,
                                    [&] { first_word->set_raw(version); });
            EXPECT_NE(status, ReadStatus::kEvent) << "before access " << index;
            EXPECT_EQ(consumer.delivered(), 0U);
        }
    }
}

// The same the other way round: what was a later event's at the first look is not read as the reader's own, whatever
// the second look finds.
//
// Catches: a first look of a consumer that takes a later event's.
TEST(LappingStep, AnEventIsNotTakenThatWasLaterAtFirst) {
    Bench bench(4, kOneCell);
    bench.advance(5, 0);
    ring::RingMemory<HookedAtomics> memory = bench.ring.memory();
    auto* version = memory.data_words(memory.place_of(0)) - AEGIS_CELL_HEADER_BYTES / sizeof(std::uint64_t);
    ring::Consumer<HookedAtomics> consumer(memory, {});
    ring::EventBuffer event;
    ReadStatus status = ReadStatus::kEmpty;
    ASSERT_TRUE(test::run_with_intruder([&] { status = consumer.read(event); }, 1,
                                        [&] { version->set_raw(ring::version_when_complete(0)); }));
    EXPECT_EQ(status, ReadStatus::kLapped);
    EXPECT_EQ(consumer.cursor(), 3U) << "where a lapped reader goes on, not at the event in its own cell";
}

// Catches: a first look at a head that takes a later event's.
TEST(LappingStep, AHeadIsNotTakenThatWasLaterAtFirst) {
    Bench bench(4, kOneCell);
    bench.advance(5, 0);
    ring::RingMemory<HookedAtomics> memory = bench.ring.memory();
    const ring::Place place = memory.place_of(0);
    auto* version = memory.data_words(place) - AEGIS_CELL_HEADER_BYTES / sizeof(std::uint64_t);
    ring::detail::Head head{};
    EXPECT_FALSE(ring::detail::read_head(memory, place, head));
    bool taken = false;
    test::run_with_intruder([&] { taken = ring::detail::read_head(memory, place, head); }, 1,
                            [&] { version->set_raw(ring::version_when_complete(0)); });
    EXPECT_FALSE(taken);
}

}  // namespace
}  // namespace aegis
