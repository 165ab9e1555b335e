// The explorer against programs whose possible outcomes under RC11 are known ("litmus tests"). A checker that missed
// one would find the ring right for the wrong reason.

#include <gmock/gmock.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "explorer/atomics.hpp"
#include "explorer/explorer.hpp"
#include "explorer/sync.hpp"

namespace aegis::model {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kAcqRel = std::memory_order_acq_rel;
constexpr auto kSeqCst = std::memory_order_seq_cst;

using Word = ModelAtomics::Atomic<std::uint64_t>;
using Registers = std::array<std::uint64_t, 4>;

struct Cells {
    Word x;
    Word y;
    Word z;
    Event event;
    Mutex mutex;
    Registers r = {};
};

using Body = void (*)(Cells&);

// What the registers held at the end, over all executions. `finish` may add the final values.
struct Outcomes {
    std::set<Registers> all;
    Result result;
};

class Litmus : public Program {
  public:
    Litmus(const std::vector<Body>& bodies, Body at_end, std::set<Registers>& seen)
        : bodies_(bodies), at_end_(at_end), seen_(seen) {}

    void run(ThreadId thread) override { bodies_[thread](cells_); }
    void finish() override {
        if (at_end_ != nullptr) {
            at_end_(cells_);
        }
        seen_.insert(cells_.r);
    }

  private:
    const std::vector<Body>& bodies_;
    Body at_end_;
    std::set<Registers>& seen_;
    Cells cells_;
};

Outcomes explore_with(bool reduce, const std::vector<Body>& bodies, Body finish) {
    Outcomes outcomes;
    Options options;
    for (std::size_t i = 0; i < bodies.size(); ++i) {
        options.threads.push_back("thread " + std::to_string(i));
    }
    options.reduce = reduce;
    outcomes.result =
        Explorer::explore(options, [&] { return std::make_unique<Litmus>(bodies, finish, outcomes.all); });
    return outcomes;
}

// Explores, and checks that the reduction dropped no outcome that all interleavings have.
Outcomes explore(const std::vector<Body>& bodies, Body finish = nullptr) {
    Outcomes reduced = explore_with(true, bodies, finish);
    const Outcomes full = explore_with(false, bodies, finish);
    EXPECT_EQ(reduced.all, full.all);
    EXPECT_EQ(reduced.result.passed, full.result.passed);
    EXPECT_LE(reduced.result.executions, full.result.executions);
    return reduced;
}

template <std::memory_order kFence>
void store_x_load_y(Cells& c) {
    c.x.store(1, kRelaxed);
    ModelAtomics::fence(kFence);
    c.r[0] = c.y.load(kRelaxed);
}

template <std::memory_order kFence>
void store_y_load_x(Cells& c) {
    c.y.store(1, kRelaxed);
    ModelAtomics::fence(kFence);
    c.r[1] = c.x.load(kRelaxed);
}

TEST(Explorer, StoreBufferingShowsAllFourOutcomesOnceEach) {
    const Outcomes o = explore({store_x_load_y<kRelaxed>, store_y_load_x<kRelaxed>});
    EXPECT_EQ(o.all.size(), 4U);
    EXPECT_EQ(o.result.executions, 4U);
}

TEST(Explorer, AcquireReleaseFencesDoNotStopStoreBuffering) {
    EXPECT_THAT(explore({store_x_load_y<kAcqRel>, store_y_load_x<kAcqRel>}).all, Contains(Registers{0, 0, 0, 0}));
}

TEST(Explorer, OneFullFenceDoesNotStopStoreBuffering) {
    EXPECT_THAT(explore({store_x_load_y<kSeqCst>, store_y_load_x<kAcqRel>}).all, Contains(Registers{0, 0, 0, 0}));
}

TEST(Explorer, FullFencesStopStoreBuffering) {
    const Outcomes o = explore({store_x_load_y<kSeqCst>, store_y_load_x<kSeqCst>});
    EXPECT_THAT(o.all, ElementsAre(Registers{0, 1, 0, 0}, Registers{1, 0, 0, 0}, Registers{1, 1, 0, 0}));
}

template <std::memory_order kFence, std::memory_order kFlag>
void send(Cells& c) {
    c.x.store(1, kRelaxed);
    ModelAtomics::fence(kFence);
    c.y.store(1, kFlag);
}

template <std::memory_order kFlag, std::memory_order kFence>
void receive(Cells& c) {
    c.r[0] = c.y.load(kFlag);
    ModelAtomics::fence(kFence);
    c.r[1] = c.x.load(kRelaxed);
}

constexpr Registers kFlagWithoutData = {1, 0, 0, 0};

TEST(Explorer, MessagePassingNeedsBothSides) {
    EXPECT_THAT(explore({send<kRelaxed, kRelaxed>, receive<kRelaxed, kRelaxed>}).all, Contains(kFlagWithoutData));
    EXPECT_THAT(explore({send<kRelaxed, kRelease>, receive<kRelaxed, kRelaxed>}).all, Contains(kFlagWithoutData));
    EXPECT_THAT(explore({send<kRelaxed, kRelaxed>, receive<kAcquire, kRelaxed>}).all, Contains(kFlagWithoutData));
    EXPECT_THAT(explore({send<kAcquire, kRelaxed>, receive<kAcquire, kRelaxed>}).all, Contains(kFlagWithoutData));
    EXPECT_THAT(explore({send<kRelease, kRelaxed>, receive<kRelaxed, kRelease>}).all, Contains(kFlagWithoutData));
}

TEST(Explorer, MessagePassingWorksWithOperationsFencesAndMixtures) {
    EXPECT_THAT(explore({send<kRelaxed, kRelease>, receive<kAcquire, kRelaxed>}).all, Not(Contains(kFlagWithoutData)));
    EXPECT_THAT(explore({send<kRelease, kRelaxed>, receive<kRelaxed, kAcquire>}).all, Not(Contains(kFlagWithoutData)));
    EXPECT_THAT(explore({send<kRelease, kRelaxed>, receive<kAcquire, kRelaxed>}).all, Not(Contains(kFlagWithoutData)));
    EXPECT_THAT(explore({send<kRelaxed, kRelease>, receive<kRelaxed, kAcquire>}).all, Not(Contains(kFlagWithoutData)));
    EXPECT_EQ(explore({send<kRelaxed, kRelease>, receive<kAcquire, kRelaxed>}).result.executions, 3U);
}

// The limit that memory.hpp names.
TEST(Explorer, LoadsDoNotSeeWhatTheirThreadHasYetToCause) {
    const Outcomes o = explore({[](Cells& c) {
                                    c.r[0] = c.x.load(kRelaxed);
                                    c.y.store(1, kRelaxed);
                                },
                                [](Cells& c) {
                                    c.r[1] = c.y.load(kRelaxed);
                                    c.x.store(1, kRelaxed);
                                }});
    EXPECT_THAT(o.all, ElementsAre(Registers{0, 0, 0, 0}, Registers{0, 1, 0, 0}, Registers{1, 0, 0, 0}));
}

TEST(Explorer, TwoReadersAgreeOnOneLocationsOrder) {
    const Outcomes o = explore({[](Cells& c) { c.x.store(1, kRelaxed); }, [](Cells& c) { c.x.store(2, kRelaxed); },
                                [](Cells& c) {
                                    c.r[0] = c.x.load(kRelaxed);
                                    c.r[1] = c.x.load(kRelaxed);
                                },
                                [](Cells& c) {
                                    c.r[2] = c.x.load(kRelaxed);
                                    c.r[3] = c.x.load(kRelaxed);
                                }});
    EXPECT_THAT(o.all, Contains(Registers{1, 2, 1, 2}));
    EXPECT_THAT(o.all, Contains(Registers{2, 1, 2, 1}));
    EXPECT_THAT(o.all, Not(Contains(Registers{1, 2, 2, 1})));
    EXPECT_THAT(o.all, Not(Contains(Registers{1, 0, 0, 0})));
}

template <std::memory_order kFence>
Outcomes independent_readers() {
    return explore({[](Cells& c) { c.x.store(1, kRelease); }, [](Cells& c) { c.y.store(1, kRelease); },
                    [](Cells& c) {
                        c.r[0] = c.x.load(kAcquire);
                        ModelAtomics::fence(kFence);
                        c.r[1] = c.y.load(kAcquire);
                    },
                    [](Cells& c) {
                        c.r[2] = c.y.load(kAcquire);
                        ModelAtomics::fence(kFence);
                        c.r[3] = c.x.load(kAcquire);
                    }});
}

TEST(Explorer, ReadersMayDisagreeOnTheOrderOfTwoLocationsUnlessFenced) {
    EXPECT_THAT(independent_readers<kAcqRel>().all, Contains(Registers{1, 0, 1, 0}));
    EXPECT_THAT(independent_readers<kSeqCst>().all, Not(Contains(Registers{1, 0, 1, 0})));
}

void final_values(Cells& c) {
    c.r[2] = c.x.load(kRelaxed);
    c.r[3] = c.y.load(kRelaxed);
}

template <std::memory_order kFence>
Outcomes write_both_crosswise() {
    return explore({[](Cells& c) {
                        c.x.store(1, kRelaxed);
                        ModelAtomics::fence(kFence);
                        c.y.store(2, kRelaxed);
                    },
                    [](Cells& c) {
                        c.y.store(1, kRelaxed);
                        ModelAtomics::fence(kFence);
                        c.x.store(2, kRelaxed);
                    }},
                   final_values);
}

// Needs a later store that is placed before an earlier one in modification order.
TEST(Explorer, LaterStoresMayComeFirstInModificationOrder) {
    EXPECT_THAT(write_both_crosswise<kRelaxed>().all, Contains(Registers{0, 0, 1, 1}));
    EXPECT_THAT(write_both_crosswise<kAcqRel>().all, Contains(Registers{0, 0, 1, 1}));
    EXPECT_THAT(write_both_crosswise<kSeqCst>().all, Not(Contains(Registers{0, 0, 1, 1})));
}

TEST(Explorer, AStoreBehindAnAcquiredOneIsLaterInModificationOrder) {
    const Outcomes o = explore({[](Cells& c) {
                                    c.x.store(2, kRelaxed);
                                    c.y.store(1, kRelease);
                                },
                                [](Cells& c) {
                                    c.r[0] = c.y.load(kAcquire);
                                    c.x.store(1, kRelaxed);
                                }},
                               [](Cells& c) { c.r[1] = c.x.load(kRelaxed); });
    EXPECT_THAT(o.all, Contains(Registers{0, 2, 0, 0}));
    EXPECT_THAT(o.all, Not(Contains(Registers{1, 2, 0, 0})));
}

TEST(Explorer, ReadModifyWritesAreAtomic) {
    const Outcomes o = explore(
        {[](Cells& c) { c.r[0] = c.x.fetch_add(1, kRelaxed); }, [](Cells& c) { c.r[1] = c.x.exchange(7, kRelaxed); }},
        [](Cells& c) { c.r[2] = c.x.load(kRelaxed); });
    EXPECT_THAT(o.all, ElementsAre(Registers{0, 1, 7, 0}, Registers{7, 0, 8, 0}));
}

TEST(Explorer, NothingComesBetweenAReadModifyWriteAndWhatItRead) {
    const Outcomes o =
        explore({[](Cells& c) { c.r[0] = c.x.exchange(1, kRelaxed); }, [](Cells& c) { c.x.store(2, kRelaxed); }},
                [](Cells& c) { c.r[1] = c.x.load(kRelaxed); });
    EXPECT_THAT(o.all, ElementsAre(Registers{0, 2, 0, 0}, Registers{2, 1, 0, 0}));
}

TEST(Explorer, OnlyOneCompareExchangeWins) {
    const Body claim0 = [](Cells& c) {
        std::uint64_t expected = 0;
        c.r[0] = c.x.compare_exchange_strong(expected, 1, kRelaxed, kRelaxed) ? 1 : 10 + expected;
    };
    const Body claim1 = [](Cells& c) {
        std::uint64_t expected = 0;
        c.r[1] = c.x.compare_exchange_strong(expected, 2, kRelaxed, kRelaxed) ? 1 : 10 + expected;
    };
    EXPECT_THAT(explore({claim0, claim1}).all, ElementsAre(Registers{1, 11, 0, 0}, Registers{12, 1, 0, 0}));
}

TEST(Explorer, AReleaseSequenceRunsThroughReadModifyWritesButNotThroughStores) {
    const Body reader = [](Cells& c) {
        c.r[0] = c.y.load(kAcquire);
        c.r[1] = c.x.load(kRelaxed);
    };
    const Outcomes through_exchange =
        explore({send<kRelaxed, kRelease>, [](Cells& c) { c.y.fetch_add(1, kRelaxed); }, reader});
    EXPECT_THAT(through_exchange.all, Contains(Registers{2, 1, 0, 0}));
    EXPECT_THAT(through_exchange.all, Not(Contains(Registers{2, 0, 0, 0})));

    const Outcomes through_store = explore({[](Cells& c) {
                                                c.x.store(1, kRelaxed);
                                                c.y.store(1, kRelease);
                                                c.y.store(2, kRelaxed);
                                            },
                                            reader});
    EXPECT_THAT(through_store.all, Contains(Registers{2, 0, 0, 0}));
}

TEST(Explorer, CausalityIsTransitive) {
    const Outcomes o = explore({[](Cells& c) { c.x.store(1, kRelaxed); },
                                [](Cells& c) {
                                    c.r[0] = c.x.load(kRelaxed);
                                    c.y.store(1, kRelease);
                                },
                                [](Cells& c) {
                                    c.r[1] = c.y.load(kAcquire);
                                    c.r[2] = c.x.load(kRelaxed);
                                }});
    EXPECT_THAT(o.all, Contains(Registers{1, 1, 1, 0}));
    EXPECT_THAT(o.all, Not(Contains(Registers{1, 1, 0, 0})));
}

TEST(Explorer, AMutexExcludesAndHandsOver) {
    const Body add = [](Cells& c) {
        c.mutex.lock();
        c.x.store(c.x.load(kRelaxed) + 1, kRelaxed);
        c.mutex.unlock();
    };
    const Outcomes o = explore({add, add, add}, [](Cells& c) { c.r[0] = c.x.load(kRelaxed); });
    EXPECT_THAT(o.all, ElementsAre(Registers{3, 0, 0, 0}));
    EXPECT_EQ(o.result.executions, 6U) << "one per order of the three threads";
}

TEST(Explorer, AWaitTakesOneSignalAndMayEndEarlyIfAllowed) {
    const Outcomes o = explore({[](Cells& c) { c.event.signal(); },
                                [](Cells& c) {
                                    c.r[0] = c.event.wait(true) ? 1 : 2;
                                    c.r[1] = c.event.wait(true) ? 1 : 2;
                                }});
    EXPECT_THAT(o.all, ElementsAre(Registers{1, 2, 0, 0}, Registers{2, 1, 0, 0}, Registers{2, 2, 0, 0}));
}

TEST(Explorer, SignalsMergeWhenNobodyTakesTheFirst) {
    const Outcomes o = explore({[](Cells& c) {
                                    c.event.signal();
                                    c.event.signal();
                                },
                                [](Cells& c) {
                                    c.event.wait(false);
                                    c.r[0] = c.event.wait(true) ? 1 : 2;
                                }});
    EXPECT_THAT(o.all, ElementsAre(Registers{1, 0, 0, 0}, Registers{2, 0, 0, 0}));
}

TEST(Explorer, ReportsAWaitThatNobodyEnds) {
    const Outcomes o = explore({[](Cells& c) { c.event.wait(false); }, [](Cells& c) { c.x.store(1, kRelaxed); }});
    EXPECT_FALSE(o.result.passed);
    EXPECT_THAT(o.result.failure, HasSubstr("waits"));
}

TEST(Explorer, ReportsAProgramThatDoesNotEnd) {
    const Outcomes o = explore({[](Cells& c) {
        while (c.x.load(kRelaxed) == 0) {
        }
    }});
    EXPECT_FALSE(o.result.passed);
    EXPECT_THAT(o.result.failure, HasSubstr("does not end"));
}

TEST(Explorer, AFailurePrintsWhoDidWhatAndWhereEachValueCameFrom) {
    const Outcomes o = explore({send<kRelaxed, kRelease>, [](Cells& c) {
                                    Explorer::running().name(c.y.location(), {"flag"});
                                    const bool sent = c.y.load(kAcquire) == 1;
                                    Explorer::running().note("saw the flag, hence x is", c.x.load(kRelaxed));
                                    Explorer::running().check(!sent, "the flag was seen");
                                }});
    EXPECT_FALSE(o.result.passed);
    EXPECT_THAT(o.result.failure, HasSubstr("the flag was seen\n"));
    EXPECT_THAT(o.result.failure, HasSubstr("thread 0\tflag: store(1, release)"));
    EXPECT_THAT(o.result.failure, HasSubstr("thread 1\tflag: load(acquire) = 1, written in step "));
    EXPECT_THAT(o.result.failure, HasSubstr("-- saw the flag, hence x is 1"));
}

TEST(Explorer, RandomExecutionsRepeatWithTheirSeed) {
    const auto draw = [](std::uint64_t seed) {
        std::set<Registers> seen;
        Options options;
        options.threads = {"thread 0", "thread 1"};
        options.random_executions = 3;
        options.seed = seed;
        const std::vector<Body> bodies = {store_x_load_y<kRelaxed>, store_y_load_x<kRelaxed>};
        Explorer::explore(options, [&] { return std::make_unique<Litmus>(bodies, nullptr, seen); });
        return seen;
    };
    std::set<std::set<Registers>> different;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        EXPECT_EQ(draw(seed), draw(seed));
        different.insert(draw(seed));
    }
    EXPECT_GT(different.size(), 1U);
}

}  // namespace
}  // namespace aegis::model
