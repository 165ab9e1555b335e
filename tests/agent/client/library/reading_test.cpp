// Reading through the C interface from a running host: every event once, every loss exact, whoever of the readers gets
// them.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "child_process.hpp"
#include "eventually.hpp"
#include "opened.hpp"
#include "synthetic_published.hpp"

namespace aegis::test {
namespace {

constexpr std::uint64_t kInvented = 3000;  // the default ring keeps them all
const std::uint64_t kEvents = published_of_synthetic(kInvented);

// What readers were handed, by sequence. Any thread.
class Ledger {
  public:
    void enter(const aegis_item& item) {
        const std::scoped_lock lock(mutex_);
        if (item.kind == AEGIS_ITEM_LOSS && item.reason != AEGIS_LOST_OVERWRITTEN) {
            return;
        }
        for (std::uint64_t sequence = item.sequence; sequence <= item.last; ++sequence) {
            twice_ = twice_ || !sequences_.insert(sequence).second;
        }
        (item.kind == AEGIS_ITEM_EVENT ? events_ : lost_) += item.count;
    }
    static std::int32_t visit(void* ledger, const aegis_item* item) {
        static_cast<Ledger*>(ledger)->enter(*item);
        return 0;
    }
    std::uint64_t events() const { return locked(events_); }
    std::uint64_t lost() const { return locked(lost_); }
    std::uint64_t all() const {
        const std::scoped_lock lock(mutex_);
        return events_ + lost_;
    }
    // From `first` on without a gap, each one once.
    bool whole_from(std::uint64_t first) const {
        const std::scoped_lock lock(mutex_);
        return !twice_ && !sequences_.empty() && *sequences_.begin() == first &&
               *sequences_.rbegin() - first + 1 == sequences_.size();
    }

  private:
    std::uint64_t locked(const std::uint64_t& value) const {
        const std::scoped_lock lock(mutex_);
        return value;
    }
    mutable std::mutex mutex_;  // guards everything below
    std::set<std::uint64_t> sequences_;
    bool twice_ = false;
    std::uint64_t events_ = 0;
    std::uint64_t lost_ = 0;
};

bool has_published(const Client& client, std::uint64_t count) {
    return eventually([&] { return query(client).Published >= count; });
}

class Reading : public testing::TestWithParam<std::uint32_t> {
  protected:
    const char* transport_name() const { return GetParam() == AEGIS_TRANSPORT_RING ? "ring" : "pull"; }
};

INSTANTIATE_TEST_SUITE_P(Both, Reading, testing::Values(AEGIS_TRANSPORT_RING, AEGIS_TRANSPORT_PULL),
                         [](const auto& tested) { return tested.param == AEGIS_TRANSPORT_RING ? "Ring" : "Pull"; });

// Catches: an event left out, twice, or with bytes of another one.
TEST_P(Reading, OneByOneIsEveryEvent) {
    const HostProgram host(events(kInvented));
    const Client client = open_client(host, GetParam());
    EXPECT_EQ(info_of(client).transport, GetParam());
    aegis_item item = empty_item();
    for (std::uint64_t sequence = 1; sequence <= kEvents; ++sequence) {
        ASSERT_EQ(aegis_next(client.get(), &item, AEGIS_FOREVER), 1) << aegis_last_error();
        ASSERT_EQ(item.kind, AEGIS_ITEM_EVENT);
        ASSERT_EQ(item.sequence, sequence);
        ASSERT_EQ(item.last, sequence);
        ASSERT_EQ(item.count, 1U);
        AEGIS_EVENT_HEADER header;
        std::memcpy(&header, item.data, sizeof(header));
        ASSERT_EQ(header.Sequence, static_cast<std::uint32_t>(sequence));
        ASSERT_EQ(header.Size, item.bytes);
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(item.data) % 8, 0U);
    }
    EXPECT_EQ(aegis_next(client.get(), &item, 0), 0);
    EXPECT_EQ(aegis_next(client.get(), &item, 20), 0) << "a timeout";
    const aegis_stats stats = stats_of(client);
    EXPECT_EQ(stats.events, kEvents);
    EXPECT_EQ(stats.overwritten, 0U);
}

// Catches: data of a batch that the next call overwrites, a batch that is longer than its buffer or its items.
TEST_P(Reading, ABatchIsTheCallersOwn) {
    const HostProgram host(events(kInvented));
    const Client client = open_client(host, GetParam());
    ASSERT_TRUE(has_published(client, kEvents));
    constexpr std::uint32_t kItems = 64;
    struct Grown {
        aegis_item item;
        std::uint64_t later;
    };
    std::vector<Grown> items(kItems);
    std::vector<std::uint64_t> buffer(8192);
    std::uint64_t next = 1;
    while (next <= kEvents) {
        items[0].item.size = sizeof(Grown);
        for (Grown& grown : items) {
            grown.later = 7;
        }
        const std::int32_t count =
            aegis_next_batch(client.get(), &items[0].item, kItems, buffer.data(),
                             static_cast<std::uint32_t>(buffer.size() * sizeof(buffer[0])), AEGIS_FOREVER);
        ASSERT_GT(count, 0) << aegis_last_error();
        ASSERT_LE(count, static_cast<std::int32_t>(kItems));
        const auto* end = reinterpret_cast<const std::byte*>(buffer.data());
        for (std::int32_t i = 0; i < count; ++i) {
            const aegis_item& item = items[static_cast<std::size_t>(i)].item;
            ASSERT_EQ(item.sequence, next++);
            ASSERT_EQ(item.size, sizeof(Grown));
            ASSERT_EQ(items[static_cast<std::size_t>(i)].later, 0U) << "a field that the library does not know";
            AEGIS_EVENT_HEADER header;
            std::memcpy(&header, item.data, sizeof(header));
            ASSERT_EQ(header.Sequence, item.sequence);
            ASSERT_GE(static_cast<const std::byte*>(item.data), end);
            end = static_cast<const std::byte*>(item.data) + item.bytes;
        }
        ASSERT_LE(end, reinterpret_cast<const std::byte*>(buffer.data() + buffer.size()));
    }
    EXPECT_EQ(next, kEvents + 1);
}

// Catches: a visit that goes on although its visitor had enough, or leaves out what follows.
TEST_P(Reading, AVisitEndsWhenItsVisitorSaysSo) {
    const HostProgram host(events(kInvented));
    const Client client = open_client(host, GetParam());
    ASSERT_TRUE(has_published(client, kEvents));
    std::uint64_t seen = 0;
    const auto third = [](void* context, const aegis_item* item) -> std::int32_t {
        auto& last = *static_cast<std::uint64_t*>(context);
        EXPECT_EQ(item->sequence, last + 1);
        last = item->sequence;
        return last % 3 == 0;
    };
    EXPECT_EQ(aegis_visit(client.get(), third, &seen, 1000, AEGIS_FOREVER), 3);
    EXPECT_EQ(aegis_visit(client.get(), third, &seen, 1000, AEGIS_FOREVER), 3);
    EXPECT_EQ(aegis_visit(client.get(), third, &seen, 2, AEGIS_FOREVER), 2);
    EXPECT_EQ(seen, 8U);
}

// Catches: an item that two readers get, or none; what a reader had taken and not handed out lost with it.
TEST_P(Reading, ThoseThatShareGetEachItemOnce) {
    constexpr std::size_t kReaders = 4;
    const HostProgram host(events(kInvented));
    Ledger ledger;
    {
        const Client first = open_client(host, GetParam());
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < kReaders; ++i) {
            threads.emplace_back([&, i] {
                // One leaves again and again, in the middle of what it has.
                for (bool more = true; more;) {
                    const Client reader = share(first);
                    const auto some = [](void* context, const aegis_item* item) -> std::int32_t {
                        static_cast<Ledger*>(context)->enter(*item);
                        return item->sequence % 7 == 0;
                    };
                    const std::int32_t result =
                        aegis_visit(reader.get(), i == 0 ? some : Ledger::visit, &ledger, 100, 100);
                    EXPECT_GE(result, 0) << aegis_last_error();
                    more = ledger.all() < kEvents;
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        EXPECT_EQ(stats_of(first).events, kEvents);
    }
    EXPECT_EQ(ledger.events(), kEvents);
    EXPECT_TRUE(ledger.whole_from(1));
}

// The reader takes one event, and waits until the ring has gone round many times.
// Catches: a loss that is not told, or with other ends than the gap has.
TEST_P(Reading, ALaggingReaderIsToldExactlyWhatItLost) {
    constexpr std::uint64_t kMany = 20'000;
    std::vector<std::string> arguments = events(kMany);
    arguments.insert(arguments.end(), {"--ring-kib", "64"});
    const HostProgram host(arguments);
    const Client client = open_client(host, GetParam());
    Ledger ledger;
    aegis_item item = empty_item();
    ASSERT_EQ(aegis_next(client.get(), &item, AEGIS_FOREVER), 1);
    const std::uint64_t first = item.sequence;
    ledger.enter(item);
    ASSERT_TRUE(has_published(client, kMany));
    while (ledger.all() < kMany - first + 1) {
        ASSERT_GT(aegis_visit(client.get(), Ledger::visit, &ledger, 100, AEGIS_FOREVER), 0) << aegis_last_error();
    }
    EXPECT_TRUE(ledger.whole_from(first));
    const aegis_stats stats = stats_of(client);
    EXPECT_EQ(stats.events, ledger.events());
    EXPECT_EQ(stats.overwritten, ledger.lost());
    EXPECT_GT(ledger.lost(), 0U);
    EXPECT_GE(info_of(client).start, 1U);
}

// Catches: AEGIS_START_NOW that begins with what is kept.
TEST_P(Reading, FromNowIsWhatFollows) {
    const HostProgram host({"--source", "synthetic:2000"});
    const std::string socket = host.socket_path();
    ASSERT_TRUE(has_published(open_client(host, GetParam()), 100));
    aegis_options options = options_for(socket.c_str(), GetParam());
    options.start = AEGIS_START_NOW;
    const Client client = open_client(options);
    AEGIS_QUERY_REPLY at_open = {};
    ASSERT_EQ(aegis_at_open(client.get(), &at_open, sizeof(at_open)), AEGIS_OK);
    EXPECT_GE(at_open.Published, 100U);
    aegis_item item = empty_item();
    ASSERT_EQ(aegis_next(client.get(), &item, AEGIS_FOREVER), 1);
    EXPECT_GT(item.sequence, at_open.Published);
    EXPECT_EQ(info_of(client).start,
              GetParam() == AEGIS_TRANSPORT_PULL ? at_open.Published + 1 : info_of(client).start);
}

// A program in C that includes the library's header alone.
TEST_P(Reading, AProgramInCCountsEveryEvent) {
    const HostProgram host(events(kInvented));
    ChildProcess reader({AEGIS_TEST_C_READER, host.socket_path(), transport_name(), std::to_string(kEvents)});
    EXPECT_EQ(reader.read_line(), "reading");
    std::istringstream line(reader.read_line());
    std::uint64_t read = 0;
    std::uint64_t lost = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    line >> read >> lost >> first >> last;
    EXPECT_EQ(read, kEvents);
    EXPECT_EQ(lost, 0U);
    EXPECT_EQ(first, 1U);
    EXPECT_EQ(last, kEvents);
    EXPECT_EQ(reader.wait(), 0);
}

// Catches: a query that needs a reader, asks for room, or hands out more than the caller has.
TEST(Asking, NeedsNoReading) {
    const HostProgram host(events(kInvented));
    const Client client = open_client(host, AEGIS_TRANSPORT_NONE);
    ASSERT_TRUE(has_published(client, kEvents));
    const AEGIS_QUERY_REPLY reply = query(client);
    for (const AEGIS_CONSUMER_INFO& row : reply.Consumers) {
        EXPECT_EQ(row.Transport, 0U);
    }
    EXPECT_EQ(stats_of(client).published, reply.Published);
    struct {
        std::uint32_t version;
        std::uint32_t untouched;
    } part = {0, 7};
    ASSERT_EQ(aegis_query(client.get(), reinterpret_cast<AEGIS_QUERY_REPLY*>(&part), 4, AEGIS_FOREVER), AEGIS_OK);
    EXPECT_EQ(part.version, AEGIS_CONTROL_VERSION);
    EXPECT_EQ(part.untouched, 7U);
    aegis_item item = empty_item();
    EXPECT_EQ(aegis_next(client.get(), &item, 0), AEGIS_ERROR_UNSUPPORTED);
    EXPECT_NE(std::strstr(aegis_last_error(), "AEGIS_TRANSPORT_NONE"), nullptr) << aegis_last_error();
}

TEST(Asking, TellsWhatWasOpened) {
    const HostProgram host(one_event());
    const std::string socket = host.socket_path();
    aegis_options options = options_for(socket.c_str(), AEGIS_TRANSPORT_AUTO);
    options.wakeup_batch = 60'000;
    const Client client = open_client(options);
    const aegis_info info = info_of(client);
    const AEGIS_QUERY_REPLY reply = query(client);
    EXPECT_EQ(info.transport, AEGIS_TRANSPORT_RING);
    EXPECT_EQ(info.driver_version, aegis_version());
    EXPECT_EQ(info.start, 1U);
    EXPECT_EQ(info.not_ring, nullptr);
    EXPECT_EQ(info.not_watched, nullptr);
    EXPECT_LT(info.wakeup_batch, 60'000U);
    EXPECT_GT(info.wakeup_batch, 1U);
    EXPECT_EQ(std::memcmp(info.session_id, reply.SessionId, sizeof(info.session_id)), 0);
    EXPECT_EQ(aegis_stopping(client.get()), 0);
}

}  // namespace
}  // namespace aegis::test
