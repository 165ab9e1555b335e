// Producer and Consumer, as shipped, under every schedule and with every value that each load may see.
//
// Each shape catches: either fence or either version order weakened, the second look or the odd mark left out or at
// the wrong place, the copy before the first look, a size taken from another lap, a wrong resume ticket or loss count.
// weakened_test.cpp shows the same of the orders, one by one.

#include <gmock/gmock.h>

#include "broadcast_program.hpp"

namespace aegis::model {
namespace {

using Start = BroadcastShape::Start;
using HeaderOnly = ModelRing<2, 0>;
using OneWord = ModelRing<2, 1>;
using TwoWords = ModelRing<2, 2>;
using FourCells = ModelRing<4, 0>;
using TwoCells = ModelRingOf<3, 2, 1>;  // events of one or two cells in a ring of three

template <class Ring>
void expect_correct(const BroadcastShape& shape) {
    const Result result = explore_broadcast<Ring>(shape);
    EXPECT_TRUE(result.passed) << result.failure;
    testing::Test::RecordProperty("executions", std::to_string(result.executions));
}

TEST(Broadcast, TwoLapsAndAHalfUnderFourReads) {
    expect_correct<OneWord>({.during = 5, .attempts = 2});
    expect_correct<HeaderOnly>({.during = 5, .attempts = 3});
}

TEST(Broadcast, ALapUnderManyReads) {
    expect_correct<OneWord>({.before = 1, .during = 3, .attempts = 6});
}

TEST(Broadcast, LappedBeforeTheFirstRead) {
    expect_correct<OneWord>({.before = 3, .during = 3, .attempts = 2});
}

TEST(Broadcast, EventsOfOneCellDifferInSize) {
    expect_correct<TwoWords>({.before = 2, .during = 2, .attempts = 2});
}

TEST(Broadcast, FourCellsResumeWithAQuarterOfHeadroom) {
    expect_correct<FourCells>({.before = 4, .during = 5, .attempts = 3});
}

TEST(Broadcast, TwoConsumersEachSeeEverything) {
    expect_correct<OneWord>({.consumers = 2, .before = 1, .during = 2, .attempts = 2});
    expect_correct<HeaderOnly>({.consumers = 2, .before = 1, .during = 2, .attempts = 3});
}

// Events of one and two cells: pieces, continuation marks, the search for a beginning among them.
//
// Catches: a continuation that is not marked, or marked as a beginning; a piece taken from the wrong cell; the second
// look at another cell than the first.
TEST(Broadcast, EventsOfSeveralCells) {
    expect_correct<TwoCells>({.before = 1, .during = 3, .attempts = 2});
    expect_correct<TwoCells>({.before = 2, .during = 3, .attempts = 2});
    expect_correct<TwoCells>({.during = 4, .attempts = 3});
    expect_correct<ModelRingOf<2, 2, 1>>({.before = 1, .during = 3, .attempts = 2});
    expect_correct<ModelRingOf<4, 2, 2>>({.before = 2, .during = 3, .attempts = 2});
}

TEST(Broadcast, ALateJoinerAmongEventsOfSeveralCells) {
    expect_correct<TwoCells>({.before = 2, .during = 3, .attempts = 2, .start = Start::kOldest});
    expect_correct<TwoCells>({.before = 2, .during = 3, .attempts = 2, .start = Start::kNow});
}

// Catches: a start beyond what is published, or before what is kept and then not counted as lost.
TEST(Broadcast, ALateJoinerMayTrustTheSharedCount) {
    expect_correct<OneWord>({.before = 1, .during = 3, .attempts = 3, .start = Start::kOldest});
    expect_correct<OneWord>({.before = 1, .during = 3, .attempts = 3, .start = Start::kNow});
}

// Catches: the state stored or loaded relaxed.
TEST(Broadcast, WhoSeesClosingSeesEveryEvent) {
    expect_correct<OneWord>({.during = 2, .attempts = 2, .close = true});
    expect_correct<HeaderOnly>({.before = 1, .during = 3, .attempts = 1, .close = true});
}

TEST(Broadcast, ProducersUnderOneLockAreOneProducer) {
    expect_correct<HeaderOnly>({.producers = 2, .before = 1, .during = 2, .attempts = 2});
}

// What a reader learns of an event without its content: ticket and end of one and the same event.
class Heads : public Program {
  public:
    using Ring = ModelRingOf<3, 2, 1>;

    explicit Heads() : ring_({0}) {}

    void run(ThreadId thread) override {
        for (int i = 0; i < 4; ++i) {
            if (thread == 0) {
                ring_.publish_next();
            } else {
                look(static_cast<Position>(i));
            }
        }
    }

  private:
    void look(Position position) {
        ring::detail::Head head{};
        const ModelMemory memory = ring_.memory();
        if (ring::detail::read_head(memory, memory.place_of(position), head)) {
            check(Ring::kPattern.position(head.ticket) == position, "a ticket of another event");
            check(Ring::kPattern.position(head.ticket + 1) == head.next, "the end of another event");
        }
    }

    Ring ring_;
};

// Catches: the fence of read_head() left out, or its second look.
TEST(Broadcast, AHeadIsThatOfOneEvent) {
    Options options;
    options.threads = {"producer", "reader"};
    const Result result = Explorer::explore(options, [] { return std::make_unique<Heads>(); });
    EXPECT_TRUE(result.passed) << result.failure;
}

}  // namespace
}  // namespace aegis::model
