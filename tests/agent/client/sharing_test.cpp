// A reader that is joined by others while it reads: from then on it claims what it reads.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "aegis/client.h"
#include "support/fake_system.hpp"
#include "support/seed.hpp"

namespace aegis {
namespace {

using test::FakeSystem;

constexpr std::uint32_t kEvents = 600;

// Who was handed what. Any thread.
struct Ledger {
    std::vector<std::atomic<std::uint8_t>> times = std::vector<std::atomic<std::uint8_t>>(kEvents + 1);
    std::atomic<std::uint32_t> events{0};
    std::atomic<std::uint64_t> lost{0};

    static std::int32_t enter(void* ledger, const aegis_item* item) {
        auto& own = *static_cast<Ledger*>(ledger);
        if (item->kind == AEGIS_ITEM_LOSS) {
            own.lost += item->count;
        } else if (item->sequence <= kEvents) {
            own.times[item->sequence].fetch_add(1);
        }
        own.events.fetch_add(1);
        return 0;
    }
};

agent::Client open(FakeSystem& system) {
    aegis_options options = {};
    options.size = sizeof(options);
    options.transport = AEGIS_TRANSPORT_RING;
    aegis_client* client = nullptr;
    EXPECT_EQ(system.open_client(options, &client), AEGIS_OK) << aegis_last_error();
    return agent::Client(client);
}

agent::Client share(const agent::Client& client) {
    aegis_client* reader = nullptr;
    EXPECT_EQ(aegis_share(client.get(), &reader), AEGIS_OK) << aegis_last_error();
    return agent::Client(reader);
}

void read_all(const agent::Client& client, Ledger& ledger) {
    while (ledger.events.load() < kEvents) {
        ASSERT_GE(aegis_visit(client.get(), Ledger::enter, &ledger, 7, 0), 0) << aegis_last_error();
    }
}

// Catches: a second reader that begins where the first one stood a moment before, or while that is inside a read; a
// first one that reads on as if it were alone.
TEST(Sharing, GivesEachItemToOneReaderWheneverTheOtherCame) {
    test::Random random = test::random_stream(0x54A);
    for (int round = 0; round < 300; ++round) {
        FakeSystem system(1024);
        system.publish_starts(1, kEvents);
        const agent::Client first = open(system);
        Ledger ledger;
        std::thread reader([&] { read_all(first, ledger); });
        const auto joins_at = static_cast<std::uint32_t>(random.below(kEvents));
        while (ledger.events.load() < joins_at) {
            std::this_thread::yield();
        }
        const agent::Client second = share(first);
        read_all(second, ledger);
        reader.join();
        EXPECT_EQ(ledger.lost.load(), 0U);
        for (std::uint32_t sequence = 1; sequence <= kEvents; ++sequence) {
            ASSERT_EQ(ledger.times[sequence].load(), 1U) << "event " << sequence << ", joined at " << joins_at;
        }
        aegis_stats stats = {};
        stats.size = sizeof(stats);
        ASSERT_EQ(aegis_stats_of(first.get(), &stats), AEGIS_OK);
        EXPECT_EQ(stats.events, kEvents);
    }
}

// A visitor may call what any thread may.
// Catches: a share that waits for the read it is called from; a cursor that is moved behind the visitor's back.
TEST(Sharing, CanBeAskedForByAVisitor) {
    FakeSystem system(1024);
    system.publish_starts(1, 10);
    const agent::Client first = open(system);
    struct Context {
        aegis_client* client;
        aegis_client* second = nullptr;
        std::uint64_t last = 0;
    } context{first.get()};
    const auto visit = [](void* given, const aegis_item* item) -> std::int32_t {
        auto& own = *static_cast<Context*>(given);
        EXPECT_EQ(item->sequence, own.last + 1);
        own.last = item->sequence;
        return own.last == 4 ? aegis_share(own.client, &own.second) : 0;
    };
    EXPECT_EQ(aegis_visit(first.get(), visit, &context, 6, 0), 6);
    const agent::Client second(context.second);
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(aegis_visit(second.get(), visit, &context, 100, 0), 4);
    EXPECT_EQ(context.last, 10U);
    EXPECT_EQ(aegis_visit(first.get(), visit, &context, 100, 0), 0);
}

// Catches: a reader that is alone and goes on behind the end that it has found out.
TEST(Sharing, NorDoesAReaderThatIsAlone) {
    FakeSystem system(1024);
    system.publish_starts(1, 10);
    const agent::Client client = open(system);
    system.stop_driver();
    aegis_item item = {};
    item.size = sizeof(item);
    ASSERT_EQ(aegis_next(client.get(), &item, 0), 1);
    system.publish_starts(100, 20);
    for (std::uint64_t sequence = 2; sequence <= 11; ++sequence) {
        ASSERT_EQ(aegis_next(client.get(), &item, 0), 1);
        EXPECT_EQ(item.sequence, sequence);
    }
    EXPECT_EQ(aegis_next(client.get(), &item, 0), AEGIS_STOPPING);
}

// One reader's visitor lets the other one read all that is left before the driver's end.
// Catches: a reader that does not see that the others have come to the end, and reads on behind it.
TEST(Sharing, NobodyReadsBehindTheEnd) {
    FakeSystem system(1024);
    system.publish_starts(1, 10);
    const agent::Client first = open(system);
    const agent::Client second = share(first);
    system.stop_driver();
    aegis_item item = {};
    item.size = sizeof(item);
    ASSERT_EQ(aegis_next(first.get(), &item, 0), 1);
    // Found out by now: what is published from here on is for nobody, but for one event that may be in the making.
    system.publish_starts(100, 20);
    struct Context {
        aegis_client* second;
        std::uint64_t last = 0;
    } context{second.get()};
    const auto visit = [](void* given, const aegis_item* event) -> std::int32_t {
        auto& own = *static_cast<Context*>(given);
        own.last = event->sequence;
        if (aegis_client* const other = std::exchange(own.second, nullptr); other != nullptr) {
            const auto see = [](void* last, const aegis_item* seen) -> std::int32_t {
                *static_cast<std::uint64_t*>(last) = seen->sequence;
                return 0;
            };
            EXPECT_GT(aegis_visit(other, see, &own.last, 1000, 0), 0);
        }
        return 0;
    };
    EXPECT_EQ(aegis_visit(first.get(), visit, &context, 1000, 0), 1);
    EXPECT_EQ(context.last, 11U);
    EXPECT_EQ(aegis_next(first.get(), &item, 0), AEGIS_STOPPING);
}

// The first reader may leave before the others.
// Catches: a stream whose only reader left is taken for one that reads alone.
TEST(Sharing, OutlivesTheFirstReader) {
    FakeSystem system(1024);
    system.publish_starts(1, 10);
    agent::Client first = open(system);
    const agent::Client second = share(first);
    aegis_item item = {};
    item.size = sizeof(item);
    ASSERT_EQ(aegis_next(first.get(), &item, 0), 1);
    first.reset();
    for (std::uint64_t sequence = 2; sequence <= 10; ++sequence) {
        ASSERT_EQ(aegis_next(second.get(), &item, 0), 1);
        EXPECT_EQ(item.sequence, sequence);
    }
    const agent::Client third = share(second);
    EXPECT_EQ(aegis_next(third.get(), &item, 0), 0);
}

}  // namespace
}  // namespace aegis
