// Invented activity: what tests and benchmarks rely on.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "aegis/event.h"
#include "driver/host/sources/source_selection.hpp"
#include "driver/host/sources/synthetic_generator.hpp"
#include "driver/host/sources/synthetic_source.hpp"
#include "recording_sink.hpp"

namespace aegis::test {
namespace {

using host::sources::parse_source;
using host::sources::RegistryChanged;
using host::sources::SourceChoice;
using host::sources::SourceKind;
using host::sources::SyntheticEvent;
using host::sources::SyntheticGenerator;
using host::sources::SyntheticSource;

constexpr std::size_t kEvents = 20'000;

std::vector<SyntheticEvent> generate(std::uint64_t seed) {
    SyntheticGenerator generator(seed);
    std::vector<SyntheticEvent> events;
    for (std::size_t i = 0; i < kEvents; ++i) {
        events.push_back(generator.next());
    }
    return events;
}

bool same(const SyntheticEvent& a, const SyntheticEvent& b) {
    return a.is_start == b.is_start && a.pid == b.pid && a.parent == b.parent && a.creator == b.creator &&
           a.image == b.image && a.image_exact == b.image_exact;
}

// Catches: anything random that does not come from the seed.
TEST(SyntheticGenerator, TheSeedDecidesEverything) {
    const std::vector<SyntheticEvent> events = generate(7);
    const std::vector<SyntheticEvent> again = generate(7);
    const std::vector<SyntheticEvent> other = generate(8);
    EXPECT_TRUE(std::equal(events.begin(), events.end(), again.begin(), same));
    EXPECT_FALSE(std::equal(events.begin(), events.end(), other.begin(), same));
}

// Catches: distributions of the standard library, which differ between machines; a change of the recipe
// that would make recorded runs incomparable.
TEST(SyntheticGenerator, TheFirstEventsOfSeedOneAreFixed) {
    SyntheticGenerator generator(1);
    const SyntheticEvent first = generator.next();
    EXPECT_TRUE(first.is_start);
    EXPECT_EQ(first.pid, SyntheticGenerator::kFirstPid);
    EXPECT_EQ(std::string(first.image.begin(), first.image.end()),
              "/usr/libexec/git-core/build-31384/build-6409/cc1plus");
}

// Catches: ends of processes that never started, too many alive, pids that a real process could have.
TEST(SyntheticGenerator, EveryEndFollowsItsStart) {
    constexpr std::uint32_t kMostLinuxPid = 1U << 22;
    std::set<std::uint32_t> alive;
    for (const SyntheticEvent& event : generate(3)) {
        EXPECT_GT(event.pid, kMostLinuxPid);
        if (event.is_start) {
            EXPECT_TRUE(alive.insert(event.pid).second);
        } else {
            EXPECT_EQ(alive.erase(event.pid), 1U);
        }
        EXPECT_LE(alive.size(), SyntheticGenerator::kMostAlive);
    }
}

// Catches: a recipe without the cases that the driver treats specially.
TEST(SyntheticGenerator, PathsVaryAndTheSpecialCasesOccur) {
    std::set<std::size_t> lengths;
    std::size_t foreign_creators = 0;
    std::size_t too_long = 0;
    std::size_t not_ascii = 0;
    for (const SyntheticEvent& event : generate(5)) {
        if (event.is_start) {
            lengths.insert(event.image.size());
            foreign_creators += event.creator != event.parent ? 1 : 0;
            too_long += event.image.size() > AEGIS_MAX_PATH_REPORTED ? 1 : 0;
            not_ascii += std::any_of(event.image.begin(), event.image.end(), [](char16_t unit) { return unit > 127; });
        }
    }
    EXPECT_GT(lengths.size(), 50U);
    EXPECT_GT(foreign_creators, 0U);
    EXPECT_GT(too_long, 0U);
    EXPECT_GT(not_ascii, 0U);
}

// Catches: one event too many or too few, at either pace.
TEST(SyntheticSource, DeliversExactlyTheCountAskedFor) {
    for (const double rate : {0.0, 200'000.0}) {
        RecordingSink sink;
        SyntheticSource source({.rate = rate, .count = kEvents, .seed = 7});
        ASSERT_FALSE(source.start(sink));
        ASSERT_TRUE(sink.wait_until([](const auto& heard) { return heard.size() >= kEvents; }));
        source.stop();
        EXPECT_EQ(source.counters().front().value, kEvents);
        const std::vector<SyntheticEvent> expected = generate(7);
        const std::vector<RecordedActivity> heard = sink.all();
        ASSERT_EQ(heard.size(), kEvents);
        for (std::size_t i = 0; i < kEvents; ++i) {
            ASSERT_EQ(heard[i].is_start, expected[i].is_start);
            ASSERT_EQ(heard[i].pid, expected[i].pid);
            ASSERT_EQ(heard[i].image, expected[i].image);
        }
    }
}

// With threads, the processes of a seed stay the same, in the same order. Catches: a thread outside its process's life,
// a process without a first thread, an event that is not counted, a recipe without injected threads.
TEST(SyntheticSource, ThreadsComeOnRequestAndLiveInsideTheirProcesses) {
    RecordingSink sink;
    constexpr std::uint64_t kMany = 40'000;
    SyntheticSource source({.rate = 0, .count = kMany, .seed = 7, .threads = true});
    ASSERT_FALSE(source.start(sink));
    ASSERT_TRUE(sink.wait_until_told(kMany));
    source.stop();
    EXPECT_EQ(source.counters().front().value, kMany);
    const std::vector<RecordedActivity> processes = sink.all();
    const std::vector<SyntheticEvent> expected = generate(7);
    for (std::size_t i = 0; i < std::min(processes.size(), expected.size()); ++i) {
        ASSERT_EQ(processes[i].pid, expected[i].pid);
        ASSERT_EQ(processes[i].image, expected[i].image);
    }
    std::map<std::uint32_t, std::set<std::uint32_t>> alive;
    std::size_t injected = 0;
    std::size_t failed = 0;
    sink.replay(
        [&](const RecordedActivity& process) {
            if (process.is_start) {
                alive[process.pid] = {};
            } else {
                ASSERT_TRUE(alive.at(process.pid).empty()) << "an end before that of its threads";
                alive.erase(process.pid);
            }
        },
        [&](const host::sources::ThreadStart& thread) {
            const bool first = alive.at(thread.pid).empty();
            ASSERT_TRUE(alive.at(thread.pid).insert(thread.tid).second);
            ASSERT_TRUE(thread.start_address.has_value());
            injected += !first && thread.creator != thread.pid ? 1 : 0;
        },
        [&](const host::sources::ThreadEnd& thread) {
            ASSERT_EQ(alive.at(thread.pid).erase(thread.tid), 1U);
            failed += thread.status != 0 ? 1 : 0;
        });
    EXPECT_GT(injected, 0U);
    EXPECT_GT(failed, 0U);
    EXPECT_GT(sink.thread_starts().size(), processes.size() / 2);
    RecordingSink again;
    SyntheticSource same({.rate = 0, .count = kMany, .seed = 7, .threads = true});
    ASSERT_FALSE(same.start(again));
    ASSERT_TRUE(again.wait_until_told(kMany));
    same.stop();
    ASSERT_EQ(again.thread_starts().size(), sink.thread_starts().size());
    EXPECT_EQ(again.thread_starts().back().start_address, sink.thread_starts().back().start_address);
}

// With images, the processes and threads of a seed stay the same. Catches: an image outside its process's life, one
// that is not counted, a process without its own program, a recipe without the cases that the driver treats specially.
TEST(SyntheticSource, ImagesComeOnRequestAndLiveInsideTheirProcesses) {
    RecordingSink sink;
    constexpr std::uint64_t kMany = 40'000;
    SyntheticSource source({.rate = 0, .count = kMany, .seed = 7, .threads = true, .images = true});
    ASSERT_FALSE(source.start(sink));
    ASSERT_TRUE(sink.wait_until_told(kMany));
    source.stop();
    EXPECT_EQ(source.counters().front().value, kMany);
    const std::vector<RecordedActivity> processes = sink.all();
    const std::vector<SyntheticEvent> expected = generate(7);
    std::map<std::uint32_t, std::u16string> programs;
    for (std::size_t i = 0; i < processes.size(); ++i) {
        ASSERT_EQ(processes[i].pid, expected[i].pid);
        programs.emplace(processes[i].pid, processes[i].image);
    }
    std::map<std::uint32_t, std::size_t> seen;
    std::size_t too_long = 0;
    std::size_t nameless = 0;
    for (const RecordedImage& image : sink.images()) {
        if (seen[image.pid]++ == 0) {
            ASSERT_EQ(image.path, programs.at(image.pid));
        }
        ASSERT_NE(image.base, 0U);
        ASSERT_NE(image.size, 0U);
        too_long += image.path.size() > AEGIS_IMAGE_MAX_PATH_REPORTED ? 1 : 0;
        nameless += image.exact ? 0 : 1;
    }
    EXPECT_GT(seen.size(), 1000U);
    EXPECT_GT(sink.images().size(), 3 * seen.size());
    EXPECT_GT(too_long, 0U);
    EXPECT_GT(nameless, 0U);
    for (const auto& [pid, count] : seen) {
        const std::vector<std::string> order = sink.order_of(pid);
        ASSERT_EQ(order.front(), "process");
        ASSERT_EQ(order[1], "thread");
        if (order.back() == "process end") {
            ASSERT_LT(std::find(order.rbegin(), order.rend(), "thread end"),
                      std::find(order.rbegin(), order.rend(), "image"));
        }
        if (pid > SyntheticGenerator::kFirstPid + 50) {
            break;  // a look at each is a search of all
        }
    }
}

// Catches: a change of a process that has not begun or has ended; processes that differ when they change things; a kind
// that never comes.
TEST(SyntheticSource, ProcessesChangeTheRegistryWhileTheyLive) {
    constexpr std::uint64_t kCount = 20'000;
    RecordingSink sink;
    SyntheticSource source({.rate = 0, .count = kCount, .seed = 3, .registry = true});
    ASSERT_FALSE(source.start(sink));
    ASSERT_TRUE(sink.wait_until_told(kCount));
    source.stop();
    std::set<RegistryChanged::Kind> kinds;
    bool too_long = false;
    for (const RecordedRegistryChange& change : sink.registry_changes()) {
        kinds.insert(change.kind);
        too_long = too_long || change.key.size() > 500;
        EXPECT_TRUE(change.key.starts_with(u"\\REGISTRY\\"));
    }
    EXPECT_EQ(kinds.size(), 5U);
    EXPECT_TRUE(too_long);
    for (std::uint32_t pid = SyntheticGenerator::kFirstPid; pid < SyntheticGenerator::kFirstPid + 50; ++pid) {
        const std::vector<std::string> order = sink.order_of(pid);
        ASSERT_EQ(order.front(), "process");
        EXPECT_EQ(std::count(order.begin(), order.end(), "process end"), order.back() == "process end" ? 1 : 0);
    }
    SyntheticGenerator expected(3);
    std::vector<std::u16string> images;
    for (const auto& heard : sink.all()) {
        const SyntheticEvent event = expected.next();
        ASSERT_EQ(heard.pid, event.pid);
    }
}

// Catches: a stop that leaves the thread running.
TEST(SyntheticSource, NothingFollowsAStop) {
    RecordingSink sink;
    SyntheticSource source({.rate = 0, .count = 0, .seed = 1});
    ASSERT_FALSE(source.start(sink));
    ASSERT_TRUE(sink.wait_until([](const auto& heard) { return heard.size() > 100; }));
    source.stop();
    const std::size_t heard = sink.all().size();
    EXPECT_EQ(source.counters().front().value, heard);
    EXPECT_EQ(sink.all().size(), heard);
}

SourceChoice choice_of(std::string_view text) {
    const auto parsed = parse_source(text);
    EXPECT_TRUE(std::holds_alternative<SourceChoice>(parsed)) << text;
    return std::holds_alternative<SourceChoice>(parsed) ? std::get<SourceChoice>(parsed) : SourceChoice();
}

TEST(SourceSelection, UnderstandsEveryKind) {
    EXPECT_EQ(choice_of("auto").kind, SourceKind::kAuto);
    EXPECT_EQ(choice_of("connector").kind, SourceKind::kConnector);
    EXPECT_EQ(choice_of("procfs").kind, SourceKind::kProcfs);
    EXPECT_EQ(choice_of("synthetic:0.5").synthetic.rate, 0.5);
    EXPECT_EQ(choice_of("synthetic:max").synthetic.rate, 0);
    EXPECT_EQ(choice_of("synthetic:0").synthetic.rate, 0);
    EXPECT_EQ(choice_of("synthetic:20000,count=500").kind, SourceKind::kSynthetic);
    EXPECT_EQ(choice_of("synthetic:20000,count=500").synthetic.count, 500U);
}

// What a source tells of when nobody says, and what it is told to tell of.
// Catches: threads of the synthetic source unasked, which would change what every seed gives.
TEST(SourceSelection, ThreadsAreOnWhereTheyAreLive) {
    EXPECT_TRUE(choice_of("auto").threads);
    EXPECT_TRUE(choice_of("connector").threads);
    EXPECT_FALSE(choice_of("auto,types=process").threads);
    EXPECT_FALSE(choice_of("connector,types=process").threads);
    EXPECT_TRUE(choice_of("connector,types=thread+process").threads);
    EXPECT_FALSE(choice_of("procfs").threads);
    EXPECT_FALSE(choice_of("procfs,types=process").threads);
    EXPECT_FALSE(choice_of("synthetic:5").synthetic.threads);
    EXPECT_FALSE(choice_of("synthetic:5,types=process").synthetic.threads);
    const SourceChoice all = choice_of("synthetic:max,types=process+thread,count=7");
    EXPECT_TRUE(all.synthetic.threads);
    EXPECT_EQ(all.synthetic.count, 7U);
    EXPECT_EQ(choice_of("synthetic:max,count=7,types=process+thread").synthetic.count, 7U);
}

// Catches: handles of the synthetic source unasked; one type that brings the other.
TEST(SourceSelection, HandlesAreTakenByType) {
    EXPECT_TRUE(choice_of("auto").handles);
    EXPECT_TRUE(choice_of("connector").handles);
    EXPECT_FALSE(choice_of("connector,types=process+thread").handles);
    EXPECT_TRUE(choice_of("connector,types=process+handle").handles);
    EXPECT_FALSE(choice_of("connector,types=process+handle").images);
    EXPECT_FALSE(choice_of("procfs").handles);
    EXPECT_FALSE(choice_of("synthetic:5").synthetic.handles);
    EXPECT_TRUE(choice_of("synthetic:5,types=process+handle").synthetic.handles);
}

// With handles, the processes of a seed stay the same; each kind there is comes up. Catches: a handle to a process that
// has not begun; a recipe without a duplicate, or without a look that is no event.
TEST(SyntheticSource, HandlesBelongToTheirProcesses) {
    constexpr std::uint64_t kMany = 20'000;
    RecordingSink sink;
    SyntheticSource source({.rate = 0, .count = kMany, .seed = 7, .threads = true, .handles = true});
    ASSERT_FALSE(source.start(sink));
    ASSERT_TRUE(sink.wait_until_told(kMany));
    source.stop();
    std::set<std::uint32_t> begun;
    for (const RecordedActivity& process : sink.all()) {
        begun.insert(process.pid);
    }
    std::size_t duplicates = 0;
    std::size_t threads = 0;
    std::size_t looks = 0;
    for (const host::sources::HandleOpened& handle : sink.handles()) {
        EXPECT_TRUE(begun.contains(handle.target));
        EXPECT_NE(handle.pid, handle.target);
        EXPECT_TRUE(handle.made);
        duplicates += handle.duplicate ? 1 : 0;
        threads += handle.target_tid != 0 ? 1 : 0;
        looks += handle.access == 0x00101400 ? 1 : 0;
    }
    EXPECT_GT(duplicates, 0U);
    EXPECT_GT(threads, 0U);
    EXPECT_GT(looks, begun.size());
}

// Catches: images of the synthetic source unasked; one type that brings the other.
TEST(SourceSelection, ImagesAreOnWhereTheyAreLive) {
    EXPECT_TRUE(choice_of("auto").images);
    EXPECT_TRUE(choice_of("connector").images);
    EXPECT_FALSE(choice_of("connector,types=process+thread").images);
    EXPECT_TRUE(choice_of("connector,types=process+image").images);
    EXPECT_FALSE(choice_of("connector,types=process+image").threads);
    EXPECT_FALSE(choice_of("procfs").images);
    EXPECT_FALSE(choice_of("synthetic:5").synthetic.images);
    EXPECT_TRUE(choice_of("synthetic:5,types=process+thread+image").synthetic.images);
}

// Catches: changes of the registry unasked, or where they are asked for left out.
TEST(SourceSelection, TheRegistryIsOnWhereItIsLive) {
    EXPECT_TRUE(choice_of("auto").registry);
    EXPECT_TRUE(choice_of("connector,types=process+registry").registry);
    EXPECT_FALSE(choice_of("connector,types=process+registry").images);
    EXPECT_FALSE(choice_of("connector,types=process+thread+image").registry);
    EXPECT_FALSE(choice_of("procfs").registry);
    EXPECT_FALSE(choice_of("synthetic:5").synthetic.registry);
    EXPECT_TRUE(choice_of("synthetic:5,types=process+registry").synthetic.registry);
}

// Catches: nonsense accepted.
TEST(SourceSelection, RefusesEverythingElseAndQuotesIt) {
    for (const std::string text : {"",
                                   "etw",
                                   "synthetic",
                                   "synthetic:",
                                   "synthetic:-1",
                                   "synthetic:nan",
                                   "synthetic:inf",
                                   "synthetic:1e300",
                                   "synthetic:5x",
                                   "synthetic:5,",
                                   "synthetic:5,count=",
                                   "synthetic:5,count=0",
                                   "synthetic:5,count=-3",
                                   "synthetic:5,seed=3",
                                   "auto ",
                                   "auto,count=5",
                                   "auto,types=",
                                   "auto,types=thread",
                                   "auto,types=process+",
                                   "auto,types=process,thread",
                                   "auto,types=image",
                                   "procfs,types=process+thread",
                                   "procfs,types=process+image",
                                   "procfs,types=process+registry",
                                   "connector,types=file",
                                   "synthetic:5,types=Process"}) {
        const auto parsed = parse_source(text);
        ASSERT_TRUE(std::holds_alternative<std::string>(parsed)) << text;
        EXPECT_NE(std::get<std::string>(parsed).find('\''), std::string::npos);
    }
}

}  // namespace
}  // namespace aegis::test
