// One producer and 1 to 8 broadcast readers in threads: every event intact, in order, delivered or counted lost.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "aegis/ring/producer.hpp"
#include "contention/jitter_atomics.hpp"
#include "contention/reading.hpp"
#include "contention/scale.hpp"
#include "support/seed.hpp"
#include "support/zeroed_region.hpp"

namespace aegis {
namespace {

struct Setup {
    std::uint32_t cells;
    unsigned readers;
    std::size_t largest_payload;

    // Events that the ring keeps whatever their sizes.
    std::uint64_t kept() const {
        return cells /
               ((sizeof(AEGIS_EVENT_HEADER) + largest_payload + AEGIS_CELL_DATA_BYTES - 1) / AEGIS_CELL_DATA_BYTES);
    }
};

void PrintTo(const Setup& setup, std::ostream* out) {
    *out << setup.readers << " readers of " << setup.cells << " cells, payload up to " << setup.largest_payload;
}

class Broadcast : public testing::TestWithParam<Setup> {
  protected:
    template <class Atomics>
    ring::RingMemory<Atomics> memory() {
        return ring::ring_memory_of<Atomics>(region_.bytes().data(), ring::load_identity(region_.bytes().data()));
    }

    template <class Atomics>
    void run_reader(std::uint64_t who, test::ReaderAudit& audit) {
        test::Jitter::seed(test::random_stream(who).next());
        ring::Consumer<Atomics> consumer(memory<Atomics>(), {});
        running_.fetch_add(1);
        started_.announce();
        ring::EventBuffer event;
        traffic_.read_to_the_end([&] {
            const ring::ReadStatus status = consumer.read(event);
            audit.after_read(consumer, status, event);
            if (paced_) {
                progress_[who].cursor.store(consumer.cursor());
                progress_[who].activity.announce();
            }
            return status;
        });
        if (consumer.cursor() != traffic_.total()) {
            audit.complain("nothing to read before the end");
        }
    }

    // Publishes as fast as it can or, when paced, never more than a ring ahead of the slowest reader.
    template <class Atomics>
    void run_producer(std::uint64_t events) {
        test::Random random = test::random_stream(99);
        test::Jitter::seed(random.next());
        ring::Producer<Atomics> producer(memory<Atomics>());
        started_.wait_until([&] { return running_.load() == GetParam().readers; });
        for (std::uint64_t i = 0; i < events; ++i) {
            if (random.one_in(2000)) {
                sched_yield();  // with one core, let the readers see some of it
            }
            for (unsigned who = 0; paced_ && who < GetParam().readers; ++who) {
                progress_[who].activity.wait_until(
                    [&] { return i - progress_[who].cursor.load() < GetParam().kept(); });
            }
            test::publish_next(producer, recipe_);
            if (paced_) {
                traffic_.wake_readers();
            } else {
                traffic_.note_publish(producer.published());
            }
        }
        traffic_.end(producer.published());
    }

    // Readers with one atomic type, producer with another; the memory is the same.
    template <class ReaderAtomics, class WriterAtomics>
    void run(std::uint64_t events, bool paced) {
        paced_ = paced;
        const unsigned readers = GetParam().readers;
        std::vector<test::ReaderAudit> audits(readers, test::ReaderAudit(recipe_, 0));
        std::vector<std::thread> threads;
        for (unsigned who = 0; who < readers; ++who) {
            threads.emplace_back([this, who, &audits] { run_reader<ReaderAtomics>(who, audits[who]); });
        }
        run_producer<WriterAtomics>(events);
        for (std::thread& thread : threads) {
            thread.join();
        }
        for (const test::ReaderAudit& audit : audits) {
            EXPECT_EQ(audit.complaint(), "");
            EXPECT_EQ(audit.delivered() + audit.lost(), events);
            EXPECT_GT(audit.delivered(), 0U);
            if (paced) {
                EXPECT_EQ(audit.lost(), 0U);
            }
        }
    }

    test::EventRecipe recipe_{test::run_seed(), 0, GetParam().largest_payload};
    test::FormattedRegion region_{GetParam().cells};
    struct Progress {
        std::atomic<ring::Ticket> cursor{0};
        test::Activity activity;
    };

    test::Traffic traffic_;
    test::Activity started_;
    std::atomic<unsigned> running_{0};
    bool paced_ = false;
    std::unique_ptr<Progress[]> progress_{new Progress[GetParam().readers]};
};

INSTANTIATE_TEST_SUITE_P(Setups, Broadcast,
                         testing::Values(Setup{2, 1, 64}, Setup{6, 4, 1040}, Setup{25, 2, 1040}, Setup{64, 1, 200},
                                         Setup{67, 8, 200}, Setup{16384, 2, 1040}, Setup{4096, 8, 16}));

// Catches: the second look dropped, the odd mark dropped, a wrong loss count, a torn event delivered.
TEST_P(Broadcast, UnthrottledOverloadLosesOnlyWhatItCounts) {
    run<ring::StdAtomics, ring::StdAtomics>(test::scaled(150000), false);
}

TEST_P(Broadcast, StalledReadersAreLappedWhileTheyCopy) {
    run<test::JitterAtomics, ring::StdAtomics>(test::scaled(100000), false);
}

TEST_P(Broadcast, AStalledProducerShowsNoHalfWrittenEvent) {
    run<ring::StdAtomics, test::JitterAtomics>(test::scaled(10000), false);
}

TEST_P(Broadcast, StallsOnBothSides) {
    run<test::JitterAtomics, test::JitterAtomics>(test::scaled(10000), false);
}

// Catches: an event lost although the ring was never overrun.
TEST_P(Broadcast, AProducerThatWaitsForItsReadersLosesNothing) {
    run<ring::StdAtomics, ring::StdAtomics>(test::scaled(10000), true);
}

// Readers come at any time and from any of the three places; each sees an unbroken history from there.
//
// Catches: an attach position that a reader cannot continue from.
TEST_P(Broadcast, ReadersMayAttachDuringTraffic) {
    constexpr int kRounds = 4;
    const unsigned readers = GetParam().readers;
    const std::uint64_t events = test::scaled(40000);
    std::vector<std::string> complaints(readers);
    std::vector<std::thread> threads;
    for (unsigned who = 0; who < readers; ++who) {
        threads.emplace_back([this, who, &complaints] {
            test::Random random = test::random_stream(200 + who);
            running_.fetch_add(1);
            started_.announce();
            for (int round = 0; round < kRounds && complaints[who].empty(); ++round) {
                const auto words = memory<ring::StdAtomics>();
                const ring::Beginning start = random.one_in(3)   ? ring::next_event(words)
                                              : random.one_in(2) ? ring::oldest_event(words)
                                                                 : ring::oldest_event(words, ring::Headroom::kSome);
                test::ReaderAudit audit(recipe_, start.ticket);
                ring::Consumer<> consumer(words, start);
                ring::EventBuffer event;
                for (std::uint64_t reads = random.below(2000); reads > 0; --reads) {
                    audit.after_read(consumer, consumer.read(event), event);
                }
                if (round + 1 == kRounds) {
                    test::read_to_the_end(consumer, audit, traffic_);
                }
                complaints[who] = audit.complaint();
            }
        });
    }
    run_producer<ring::StdAtomics>(events);
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const std::string& complaint : complaints) {
        EXPECT_EQ(complaint, "");
    }
}

}  // namespace
}  // namespace aegis
