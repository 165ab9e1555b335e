// Everything that can happen to a consumer, against everything else, at the same time. The verifier is the judge: it
// stops at a mapping left in a process that ended, an unmap in the wrong one, a reference too many or too few. Under
// ThreadSanitizer and AddressSanitizer they judge as well.
//
// With AEGIS_STRESS_SECONDS in the environment each test goes on for that long.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <barrier>
#include <cstdint>
#include <functional>
#include <iterator>
#include <set>
#include <thread>
#include <vector>

#include "driver/host/executive/registry/registry_activity.hpp"
#include "driver/support/policy_builder.hpp"
#include "driver/support/race.hpp"
#include "support/seed.hpp"

namespace aegis::test {
namespace {

constexpr unsigned kRoundsPerPairing = 40;

const Actor& actor(std::string_view name) {
    for (const Actor& candidate : race_actors()) {
        if (candidate.name == name) {
            return candidate;
        }
    }
    ADD_FAILURE() << "no actor " << name;
    return race_actors().front();
}

constexpr std::u16string_view kRacedKey = u"\\REGISTRY\\MACHINE\\SOFTWARE\\x";

// One of every kind that is no create, by one of many processes.
host::RegistryChange raced_change(std::uint32_t number, std::uint32_t process) {
    constexpr host::RegistryChangeKind kKinds[] = {
        host::RegistryChangeKind::kSetValue, host::RegistryChangeKind::kDeleteKey,
        host::RegistryChangeKind::kDeleteValue, host::RegistryChangeKind::kRenameKey};
    static constexpr std::byte kData[64] = {};
    host::RegistryChange change;
    change.kind = kKinds[number % std::size(kKinds)];
    change.pid = kFirstFreePid + process;
    change.tid = kFirstFreePid + process;
    change.key = kRacedKey;
    change.name = u"y";
    change.data = kData;
    return change;
}

// After each pairing nothing but the observer is left, and the driver still works.
void expect_calm(TestHost& host, Client& observer, const std::string& pairing) {
    const QueryResult query = observer.query();
    EXPECT_EQ(query.reply->Handles, 1U) << pairing;
    for (const AEGIS_CONSUMER_INFO& row : query.reply->Consumers) {
        EXPECT_NE(row.Transport, AEGIS_TRANSPORT_RING) << pairing;
    }
    Client fresh(host);
    EXPECT_EQ(fresh.open(), STATUS_SUCCESS) << pairing;
    EXPECT_EQ(fresh.setup().status, STATUS_SUCCESS) << pairing;
}

// Catches: HandleTable's lock left out anywhere; cleaned_up not looked at; detach that does not clear the attachment.
TEST(Race, EveryPairing) {
    StressClock clock;
    while (clock.again()) {
        TestHost host;
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
        Client observer(host);
        ASSERT_EQ(observer.open(), STATUS_SUCCESS);
        const std::vector<Actor>& actors = race_actors();
        for (std::size_t i = 0; i < actors.size(); ++i) {
            for (std::size_t j = i; j < actors.size(); ++j) {
                for (const bool attached : {false, true}) {
                    race(host, actors[i], actors[j], attached, kRoundsPerPairing);
                    expect_calm(host, observer, actors[i].name + " against " + actors[j].name);
                }
            }
        }
    }
}

// One lock decides: of two teardowns one finds the consumer, of two setups one becomes it.
TEST(Race, ASetupIsUndoneOnceAndDoneOnce) {
    StressClock clock;
    while (clock.again()) {
        TestHost host;
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
        const auto one_of_two = [](NTSTATUS left, NTSTATUS right) {
            EXPECT_NE(NT_SUCCESS(left), NT_SUCCESS(right)) << std::hex << left << " and " << right;
        };
        race(host, actor("teardown"), actor("teardown"), true, 400, one_of_two);
        race(host, actor("teardown"), actor("teardown elsewhere"), true, 400, one_of_two);
        race(host, actor("setup"), actor("setup"), false, 400, one_of_two);
    }
}

// Unload is asked for while something else happens; it comes with the last close, whoever makes it.
TEST(Race, UnloadAgainstEverything) {
    StressClock clock;
    TestHost host;
    while (clock.again()) {
        for (const Actor& other : race_actors()) {
            for (unsigned i = 0; i < kRoundsPerPairing; ++i) {
                ASSERT_EQ(host.load_small(), STATUS_SUCCESS) << other.name;
                {
                    RaceRound round(host, i % 2 == 0);
                    std::thread unloader([&] {
                        const host::UnloadResult result = host.unload();
                        EXPECT_TRUE(result == host::UnloadResult::kUnloaded || result == host::UnloadResult::kPending);
                    });
                    other.act(round);
                    unloader.join();
                }
                ASSERT_FALSE(host->driver_loaded()) << other.name;
            }
        }
    }
}

// A policy is replaced again and again while processes start. Each of the two refuses one image and drops another, so
// every verdict there may be shows; what both agree on must hold for each process.
// Catches: a reader of a policy that is freed; one of none between two; counts that a replaced policy takes along.
TEST(Race, APolicyIsReplacedInTheMiddleOfAFlood) {
    StressClock clock;
    while (clock.again()) {
        TestHost host;
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
        Client client(host);
        ASSERT_EQ(client.open(), STATUS_SUCCESS);
        AEGIS_POLICY_TYPE limited = kReportAll;
        limited.TokensPerSecond = 1;
        limited.Burst = 1;
        limited.MergeMs = 1;
        const std::array<std::vector<std::byte>, 2> blobs{
            PolicyBuilder().path(u"\\x", AEGIS_POLICY_REFUSE).path(u"\\d", AEGIS_POLICY_DROP).blob(),
            PolicyBuilder()
                .type(AEGIS_EVENT_PROCESS_CREATE, limited)
                .path(u"\\d", AEGIS_POLICY_DROP)
                .path(u"\\x", AEGIS_POLICY_REFUSE)
                .image(u"\\other")
                .blob()};
        ASSERT_EQ(client.set_policy(blobs[0]).status, STATUS_SUCCESS);
        std::atomic<bool> stop = false;
        std::atomic<std::uint64_t> wrong = 0;
        std::atomic<std::uint64_t> made = 0;
        std::vector<std::thread> threads;
        for (std::uint32_t t = 0; t < 2; ++t) {
            threads.emplace_back([&, t] {
                Activity activity(host);
                for (std::uint32_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
                    const std::uint32_t pid = kFirstFreePid + 2 * (i % 4096) + t;
                    wrong += activity.create(pid, u"\\x\\a") == STATUS_ACCESS_DENIED ? 0 : 1;
                    activity.exit(pid);
                    wrong += activity.create(pid, u"\\d\\a") == STATUS_SUCCESS ? 0 : 1;
                    activity.exit(pid);
                    wrong += activity.create(pid, u"\\a") == STATUS_SUCCESS ? 0 : 1;
                    activity.exit(pid);
                    made += 6;
                }
            });
        }
        constexpr std::uint64_t kSwaps = 10'000;
        for (std::uint64_t i = 1; i <= kSwaps; ++i) {
            EXPECT_EQ(client.set_policy(blobs[i % 2]).status, STATUS_SUCCESS);
        }
        stop = true;
        for (std::thread& thread : threads) {
            thread.join();
        }
        EXPECT_EQ(wrong, 0U);
        const AEGIS_GET_POLICY_REPLY policy = *client.get_policy().reply;
        EXPECT_EQ(policy.Generation, kSwaps + 1);
        const QueryResult query = client.query();
        const AEGIS_CALLBACK_HEALTH row = callback_row(*query.reply, AEGIS_CALLBACK_PROCESS);
        EXPECT_EQ(row.Seen, made) << "a start or an end without a verdict";
        EXPECT_EQ(row.Seen, row.Published + row.Filtered + row.Limited + row.Merged + row.Lost);
        EXPECT_EQ(query.reply->Published, 2 * row.Published + policy.Notes) << "each with its details";
        // Both starts and ends of what is refused and dropped: never in the ring but for the refusals.
        EXPECT_EQ(row.Lost, 0U);
    }
}

// Protection comes and goes, by handle and by policy, while others open the process: each of them gets everything or a
// look, and nothing between.
// Catches: a place of the list that is read while it changes hands; a policy that is freed while somebody looks into
// it.
TEST(Race, ProtectionComesAndGoesWhileOthersOpen) {
    StressClock clock;
    while (clock.again()) {
        TestHost host;
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
        Client agent(host);
        Client policy_owner(host);
        ASSERT_EQ(policy_owner.open(), STATUS_SUCCESS);
        std::atomic<bool> stop = false;
        std::atomic<std::uint64_t> wrong = 0;
        std::atomic<std::uint64_t> stripped = 0;
        std::vector<std::thread> openers;
        for (int t = 0; t < 2; ++t) {
            openers.emplace_back([&] {
                Client opener(host);
                while (!stop.load(std::memory_order_relaxed)) {
                    const host::HandleResult opened = opener.open_process(agent.pid(), 0x1FFFFF);
                    const ACCESS_MASK granted = opener.granted(opened);
                    constexpr ACCESS_MASK kLook = 0x1410 | READ_CONTROL | SYNCHRONIZE;
                    wrong += granted == 0x1FFFFF || granted == kLook ? 0 : 1;
                    stripped += granted == kLook ? 1 : 0;
                    host->close(opener.process(), opened.handle);
                }
            });
        }
        // Until both have met it, however the threads are scheduled; each round is one at least.
        for (int i = 0; i < 500 || (stripped.load() == 0 && i < 1'000'000); ++i) {
            count_round();
            EXPECT_EQ(agent.open(), STATUS_SUCCESS);
            EXPECT_EQ(agent.protect(), STATUS_SUCCESS);
            EXPECT_EQ(policy_owner.set_policy(PolicyBuilder().protect(agent.pid(), 1).allow(u"\\x").blob()).status,
                      STATUS_SUCCESS);
            EXPECT_EQ(agent.close(), STATUS_SUCCESS);
        }
        stop = true;
        for (std::thread& opener : openers) {
            opener.join();
        }
        EXPECT_EQ(wrong, 0U);
        EXPECT_GT(stripped, 0U);
        const QueryResult query = policy_owner.query();
        const AEGIS_CALLBACK_HEALTH row = callback_row(*query.reply, AEGIS_CALLBACK_HANDLE);
        EXPECT_EQ(row.Seen, row.Published + row.Filtered + row.Limited + row.Merged + row.Lost);
        // Besides the openers' own ends, each with its details.
        EXPECT_EQ(query.reply->Published,
                  row.Published + 2 * callback_row(*query.reply, AEGIS_CALLBACK_PROCESS).Published);
    }
}

// A policy that refuses keys comes and goes while they are changed. Each change has one verdict, whole.
// Catches: a call that is refused and told as done, or the other way round; a name kept or given back twice.
TEST(Race, APolicyIsReplacedWhileKeysAreChanged) {
    StressClock clock;
    while (clock.again()) {
        TestHost host;
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
        Client client(host);
        ASSERT_EQ(client.open(), STATUS_SUCCESS);
        const std::array<std::vector<std::byte>, 2> blobs{
            PolicyBuilder().path(kRacedKey, AEGIS_POLICY_REFUSE, 1U << AEGIS_EVENT_REGISTRY_OP).blob(),
            PolicyBuilder().type(AEGIS_EVENT_REGISTRY_OP, kOff).blob()};
        std::atomic<bool> stop = false;
        std::atomic<std::uint64_t> made = 0;
        std::atomic<std::uint64_t> refused = 0;
        std::vector<std::thread> threads;
        for (std::uint32_t t = 0; t < 2; ++t) {
            threads.emplace_back([&, t] {
                for (std::uint32_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
                    refused += host::report_registry_change(raced_change(i, t)) == STATUS_ACCESS_DENIED ? 1 : 0;
                    ++made;
                }
            });
        }
        for (std::uint64_t i = 1; i <= 500; ++i) {
            EXPECT_EQ(client.set_policy(blobs[i % 2]).status, STATUS_SUCCESS);
            if (i % 16 == 0) {
                // None at all for a moment.
                EXPECT_EQ(client.close(), STATUS_SUCCESS);
                EXPECT_EQ(client.open(), STATUS_SUCCESS);
            }
        }
        stop = true;
        for (std::thread& thread : threads) {
            thread.join();
        }
        const AEGIS_CALLBACK_HEALTH row = callback_row(*client.query().reply, AEGIS_CALLBACK_REGISTRY);
        EXPECT_EQ(row.Seen, made) << "a change without a verdict";
        EXPECT_EQ(row.Seen, row.Published + row.Filtered + row.Limited + row.Merged + row.Lost);
        EXPECT_GE(row.Published, refused);
        EXPECT_EQ(row.Lost, 0U);
    }
}

// No handle is open: unload runs its ladder while callbacks run and clients knock.
// Catches: a callback removed after what it uses is gone.
TEST(Race, UnloadAgainstCallbacksAndOpens) {
    StressClock clock;
    TestHost host;
    while (clock.again()) {
        std::atomic<bool> stop = false;
        std::vector<std::thread> threads;
        threads.emplace_back([&] {
            Activity activity(host);
            while (!stop.load(std::memory_order_relaxed)) {
                activity.come_and_go(1);
            }
        });
        threads.emplace_back([&] {
            Activity activity(host);
            host::ThreadCreation thread;
            thread.pid = kFirstFreePid;
            thread.tid = kFirstFreePid + 4;
            thread.creator = kFirstFreePid + 8;
            thread.creator_tid = kFirstFreePid + 12;
            while (!stop.load(std::memory_order_relaxed)) {
                activity.create_thread(thread);
                activity.exit_thread({.pid = thread.pid, .tid = thread.tid, .status = 0, .timestamp = 0});
            }
        });
        threads.emplace_back([&] {
            host::HandleOpen open;
            open.pid = kFirstFreePid + 8;
            open.tid = kFirstFreePid + 12;
            open.target = kFirstFreePid;
            open.access = 0x1FFFFF;
            open.made = true;
            while (!stop.load(std::memory_order_relaxed)) {
                host->raise_handle_open(open);
            }
        });
        threads.emplace_back([&] {
            Activity activity(host);
            host::ImageLoad image;
            image.pid = kFirstFreePid;
            image.loader = kFirstFreePid;
            image.path = u"\\Device\\x.dll";
            while (!stop.load(std::memory_order_relaxed)) {
                activity.load_image(image);
            }
        });
        threads.emplace_back([&] {
            for (std::uint32_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
                host::report_registry_change(raced_change(i, 3));
            }
        });
        threads.emplace_back([&] {
            while (!stop.load(std::memory_order_relaxed)) {
                Client client(host);
                if (NT_SUCCESS(client.open())) {
                    client.setup();
                }
            }
        });
        for (int i = 0; i < 150; ++i) {
            count_round();
            ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
            host.unload();
            while (host->driver_loaded()) {
                std::this_thread::yield();
            }
        }
        stop.store(true, std::memory_order_relaxed);
        for (std::thread& thread : threads) {
            thread.join();
        }
    }
}

// A consumer leaves while producers ring it without pause: its bell is always due, its event is the driver's alone.
// Catches: remove_doorbell() left out or without the publish lock; the event or the page released before it.
TEST(Race, AConsumerLeavesInTheMiddleOfAFlood) {
    StressClock clock;
    while (clock.again()) {
        TestHost host;
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
        std::atomic<bool> stop = false;
        std::vector<std::thread> producers;
        for (int t = 0; t < 2; ++t) {
            producers.emplace_back([&] {
                Activity activity(host);
                while (!stop.load(std::memory_order_relaxed)) {
                    activity.come_and_go(1);
                }
            });
        }
        Client observer(host);
        ASSERT_EQ(observer.open(), STATUS_SUCCESS);
        for (int i = 0; i < 500; ++i) {
            count_round();
            Client consumer(host);
            ASSERT_EQ(consumer.open(), STATUS_SUCCESS);
            const host::EventResult event = consumer.create_event();
            const SetupResult setup = consumer.setup(event.handle);
            ASSERT_EQ(setup.status, STATUS_SUCCESS);
            ASSERT_EQ(host->close(consumer.process(), event.handle), STATUS_SUCCESS);
            auto* wake_at = reinterpret_cast<std::atomic<std::uint64_t>*>(&consumer_page_of(setup.reply)->WakeAt);
            for (int k = 0; k < 20; ++k) {
                wake_at->store(0, std::memory_order_relaxed);
            }
            // At least once the producers are seen to ring, so that the race takes place on one busy core as well.
            while (i == 0 && observer.query().reply->WakeupsSent == 0) {
                wake_at->store(0, std::memory_order_relaxed);
                std::this_thread::yield();
            }
            switch (i % 3) {
                case 0:
                    EXPECT_EQ(consumer.teardown(), STATUS_SUCCESS);
                    break;
                case 1:
                    EXPECT_EQ(consumer.close(), STATUS_SUCCESS);
                    break;
                default:
                    consumer.exit();
            }
        }
        stop.store(true, std::memory_order_relaxed);
        for (std::thread& thread : producers) {
            thread.join();
        }
        const QueryResult query = observer.query();
        EXPECT_EQ(2 * callback_row(*query.reply, AEGIS_CALLBACK_PROCESS).Seen, query.reply->Published);
    }
}

// The table of handles under opens, closes and queries from every side.
// Catches: its lock left out of open(), close() or describe().
TEST(Race, OpensAndClosesAgainstEachOther) {
    StressClock clock;
    while (clock.again()) {
        TestHost host;
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                Client client(host);
                for (int i = 0; i < 500; ++i) {
                    count_round();
                    EXPECT_EQ(client.open(), STATUS_SUCCESS);
                    const QueryResult query = client.query();
                    EXPECT_GE(query.reply->Handles, 1U);
                    EXPECT_LE(query.reply->Handles, 4U);
                    EXPECT_EQ(client.close(), STATUS_SUCCESS);
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        Client last(host);
        ASSERT_EQ(last.open(), STATUS_SUCCESS);
        EXPECT_EQ(last.query().reply->Handles, 1U);
    }
}

// Consumers leave by their last close while others ask for the list of consumers.
// Catches: the table's lock left out of cleanup().
TEST(Race, QueriesAgainstConsumersThatLeave) {
    StressClock clock;
    while (clock.again()) {
        TestHost host;
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
        std::atomic<bool> stop = false;
        std::vector<std::thread> observers;
        for (int t = 0; t < 2; ++t) {
            observers.emplace_back([&] {
                Client observer(host);
                ASSERT_EQ(observer.open(), STATUS_SUCCESS);
                while (!stop.load(std::memory_order_relaxed)) {
                    EXPECT_EQ(observer.query().status, STATUS_SUCCESS);
                }
            });
        }
        Client consumer(host);
        const host::EventResult event = consumer.create_event();
        for (int i = 0; i < 400; ++i) {
            count_round();
            EXPECT_EQ(consumer.open(), STATUS_SUCCESS);
            EXPECT_EQ(consumer.setup(event.handle).status, STATUS_SUCCESS);
            EXPECT_EQ(consumer.close(), STATUS_SUCCESS);
        }
        stop.store(true, std::memory_order_relaxed);
        for (std::thread& thread : observers) {
            thread.join();
        }
    }
}

// Long pulls on one handle at the same time: each event goes to one of them.
// Catches: the turn left out of pull().
TEST(Race, PullsOnOneHandleTakeTurns) {
    constexpr std::uint32_t kProcesses = 1500;
    StressClock clock;
    while (clock.again()) {
        TestHost host;
        ASSERT_EQ(host.load(), STATUS_SUCCESS);
        Client client(host);
        ASSERT_EQ(client.open(), STATUS_SUCCESS);
        for (int round = 0; round < 4; ++round) {
            count_round();
            Activity(host).come_and_go(kProcesses);
            std::array<std::vector<ProcessEvent>, 2> pulled;
            std::barrier gate(2);
            const auto pull = [&](std::vector<ProcessEvent>& events) {
                gate.arrive_and_wait();
                events = all_events_in(client.pull(kProcesses * AEGIS_PROCESS_EVENT_SIZE).bytes);
            };
            std::thread other(pull, std::ref(pulled[1]));
            pull(pulled[0]);
            other.join();
            std::vector<ProcessEvent> rest =
                all_events_in(client.pull(3 * kProcesses * AEGIS_PROCESS_EVENT_SIZE).bytes);
            std::set<std::uint32_t> sequences;
            for (const std::vector<ProcessEvent>& events : {pulled[0], pulled[1], rest}) {
                for (const ProcessEvent& event : events) {
                    EXPECT_TRUE(sequences.insert(event.header.Sequence).second) << event.header.Sequence;
                }
            }
            EXPECT_EQ(sequences.size(), 4 * kProcesses);
        }
    }
}

// Many threads, few processes, anything goes.
TEST(Race, AnythingAgainstAnything) {
    StressClock clock;
    while (clock.again()) {
        TestHost host;
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
        RaceRound round(host, true);
        std::vector<std::thread> threads;
        for (std::uint64_t t = 0; t < 6; ++t) {
            threads.emplace_back([&, t] {
                Random random = random_stream(100 + t);
                for (int i = 0; i < 300; ++i) {
                    switch (random.below(8)) {
                        case 0:
                            round.setup();
                            break;
                        case 1:
                            round.teardown();
                            break;
                        case 2:
                            actor("hand over").act(round);
                            break;
                        case 3:
                            actor("teardown elsewhere").act(round);
                            break;
                        case 4:
                            actor("flood").act(round);
                            break;
                        case 5:
                            actor("query").act(round);
                            break;
                        case 6:
                            actor("pull").act(round);
                            break;
                        default:
                            // Late, and by one thread: the rest would only be told that the handle is gone.
                            if (t == 0 && i > 250) {
                                actor("owner exit").act(round);
                            }
                    }
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
    }
}

}  // namespace
}  // namespace aegis::test
