// Several publishing threads behind one lock, as the driver's callbacks are: to readers there is one producer.

#include <gtest/gtest.h>

#include <cstdint>
#include <mutex>
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

// Catches: producer state that a lock does not carry from one thread to the next.
TEST(SerialisedProducers, PublishOneUnbrokenHistory) {
    constexpr unsigned kProducers = 4;
    constexpr unsigned kReaders = 2;
    constexpr std::size_t kTooLarge = test::EventRecipe::kLargestPayload + 1;
    const std::uint64_t each = test::scaled(30000);
    const test::EventRecipe recipe(test::run_seed(), 0, 400);
    test::FormattedRegion region(64);
    test::Traffic traffic;

    std::vector<test::ReaderAudit> audits(kReaders, test::ReaderAudit(recipe, 0));
    std::vector<std::thread> readers;
    for (unsigned who = 0; who < kReaders; ++who) {
        readers.emplace_back([&, who] {
            ring::Consumer<> consumer(region.memory(), {});
            test::read_to_the_end(consumer, audits[who], traffic);
        });
    }

    std::mutex lock;
    ring::Producer<> producer(region.memory());
    std::vector<std::thread> producers;
    for (unsigned who = 0; who < kProducers; ++who) {
        producers.emplace_back([&, who] {
            test::Random random = test::random_stream(who);
            const std::vector<std::byte> oversize(kTooLarge);
            for (std::uint64_t i = 0; i < each; ++i) {
                const std::lock_guard<std::mutex> hold(lock);
                test::publish_next(producer, recipe);
                traffic.note_publish(producer.published());
                if (i % 16 == who) {
                    producer.publish(1, 0, oversize.data(), oversize.size());
                }
                if (random.one_in(500)) {
                    sched_yield();
                }
            }
        });
    }
    for (std::thread& thread : producers) {
        thread.join();
    }
    traffic.end(producer.published());
    for (std::thread& thread : readers) {
        thread.join();
    }
    EXPECT_EQ(producer.published(), kProducers * each);
    EXPECT_EQ(region.memory().load_published(), kProducers * each);
    std::uint64_t oversize = 0;
    for (unsigned who = 0; who < kProducers; ++who) {
        oversize += (each - who + 15) / 16;
    }
    EXPECT_EQ(region.memory().load_lost_before(AEGIS_LOST_OVERSIZE), oversize);
    for (const test::ReaderAudit& audit : audits) {
        EXPECT_EQ(audit.complaint(), "");
        EXPECT_EQ(audit.delivered() + audit.lost(), kProducers * each);
    }
}

}  // namespace
}  // namespace aegis
