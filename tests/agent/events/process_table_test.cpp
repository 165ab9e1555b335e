#include "agent/events/process_table.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace aegis {
namespace {

void remember(agent::ProcessTable& table, const agent::ProcessTable::Entry& entry, std::string_view first,
              std::string_view second = {}) {
    const std::array<std::string_view, 2> texts = {first, second};
    table.remember(entry, texts);
}

void remember(agent::ProcessTable& table, std::uint32_t pid, std::string_view first, std::string_view second = {}) {
    remember(table, {.name = {pid, 0}}, first, second);
}

std::string take(agent::ProcessTable& table, std::uint32_t pid, std::uint64_t key = 0, std::int64_t time = 0) {
    agent::KnownProcess known;
    return table.take({pid, key}, time, known) ? std::string(known.text(0)).append(known.text(1)) : "(none)";
}

TEST(ProcessTable, TakesWhatWasRememberedOnce) {
    agent::ProcessTable table;
    remember(table, 4, "four");
    remember(table, 0, "zero");
    EXPECT_EQ(take(table, 4), "four");
    EXPECT_EQ(take(table, 4), "(none)");
    EXPECT_EQ(take(table, 0), "zero");
    EXPECT_EQ(take(table, 8), "(none)");
}

// Catches: a text in the other's place, and what an earlier process left there.
TEST(ProcessTable, KeepsTextsApart) {
    agent::ProcessTable table;
    const std::array<std::string_view, 5> five = {"old", "older", "oldest", "eldest", "last"};
    const std::array<std::string_view, 5> others = {"1", "", "33", "4", "55"};
    table.remember({.name = {4, 0}}, five);
    table.remember({.name = {4, 0}}, others);
    agent::KnownProcess known;
    for (const std::size_t wanted : {5U, 3U, 1U}) {
        ASSERT_TRUE(table.look_up({4, 0}, 0, known, wanted));
        for (std::size_t i = 0; i < others.size(); ++i) {
            EXPECT_EQ(known.text(i), i < wanted ? others[i] : "") << wanted << " " << i;
        }
    }
    remember(table, 4, "", "only");
    ASSERT_TRUE(table.take({4, 0}, 0, known));
    EXPECT_EQ(known.text(0), "");
    EXPECT_EQ(known.text(1), "only");
    EXPECT_EQ(known.text(4), "");
}

// Catches: a second entry for an id that is already there; its ghost would come out at the next exit.
TEST(ProcessTable, AnIdUsedAgainReplacesTheOldProcess) {
    agent::ProcessTable table;
    remember(table, 4, "old");
    remember(table, 4, "new");
    EXPECT_EQ(take(table, 4), "new");
    EXPECT_EQ(take(table, 4), "(none)");
}

// An id is given to another process; what is late of the first must not be told of the second.
// Catches: keys that are not compared; an event without a key that is told of a later process; a time that decides
// where keys do.
TEST(ProcessTable, AnIdUsedTwiceNeverMixesTwoProcesses) {
    agent::ProcessTable table;
    agent::KnownProcess known;
    remember(table, {.name = {4, 100}, .start = 1000}, "first");
    EXPECT_FALSE(table.look_up({4, 200}, 2000, known)) << "another key";
    EXPECT_TRUE(table.look_up({4, 100}, 500, known)) << "the same key, whatever a clock says";
    EXPECT_EQ(known.key, 100U);
    EXPECT_TRUE(table.look_up({4, 0}, 1000, known)) << "no key, but not before its start";
    EXPECT_FALSE(table.look_up({4, 0}, 999, known)) << "no key, and before its start";

    remember(table, {.name = {4, 0}, .start = 3000}, "second, whose key is not known");
    EXPECT_FALSE(table.look_up({4, 100}, 2999, known)) << "an event of the first that comes late";
    EXPECT_TRUE(table.look_up({4, 200}, 3000, known));
    EXPECT_EQ(known.key, 200U) << "as the event has it";
    EXPECT_EQ(take(table, 4, 100, 2000), "(none)");
    EXPECT_EQ(take(table, 4, 200, 4000), "second, whose key is not known");
}

TEST(ProcessTable, KnowsWhenAProcessWasMade) {
    agent::ProcessTable table;
    agent::KnownProcess known;
    remember(table, {.name = {4, 7}, .start = 1000, .creation = 900}, "x");
    ASSERT_TRUE(table.look_up({4, 7}, 2000, known));
    EXPECT_EQ(known.creation, 900);
}

// Catches: a table that grows without bound, and one that forgets the newest.
TEST(ProcessTable, ForgetsTheOldestWhenFull) {
    agent::ProcessTable table;
    constexpr std::uint32_t kProcesses = 3 * agent::ProcessTable::kCapacity;
    for (std::uint32_t pid = 0; pid < kProcesses; ++pid) {
        remember(table, pid, std::to_string(pid));
    }
    const std::uint64_t crowded_out = table.crowded_out();
    std::size_t kept = 0;
    std::size_t kept_of_the_newest = 0;
    constexpr std::uint32_t kNewest = agent::ProcessTable::kCapacity / 2;
    for (std::uint32_t pid = 0; pid < kProcesses; ++pid) {
        const std::string text = take(table, pid);
        if (text != "(none)") {
            EXPECT_EQ(text, std::to_string(pid));
            ++kept;
            kept_of_the_newest += pid >= kProcesses - kNewest ? 1 : 0;
        }
    }
    EXPECT_LE(kept, agent::ProcessTable::kCapacity);
    EXPECT_EQ(kept_of_the_newest, kNewest);
    EXPECT_EQ(kept + crowded_out, kProcesses) << "each that was forgotten is counted";
}

// Catches: texts without a bound of their own; more left out than the long ones, or nothing said of it.
TEST(ProcessTable, BeyondItsBytesTheLongTextsAreLeftOut) {
    agent::ProcessTable table;
    const std::string text(8192, 'x');
    const std::array<std::string_view, 5> texts = {"name", "origin", "path", text, "user"};
    constexpr std::uint32_t kProcesses = 2 * agent::ProcessTable::kMostBytes / 8192;
    for (std::uint32_t pid = 0; pid < kProcesses; ++pid) {
        table.remember({.name = {pid, 0}}, texts);
    }
    std::size_t long_ones = 0;
    agent::KnownProcess known;
    for (std::uint32_t pid = 0; pid < kProcesses; ++pid) {
        ASSERT_TRUE(table.look_up({pid, 0}, 0, known)) << pid;
        EXPECT_EQ(known.text(2), "path");
        long_ones += known.text(3).empty() ? 0 : 1;
    }
    EXPECT_GT(long_ones, kProcesses / 8);
    EXPECT_LE(long_ones, kProcesses / 2 + 1);
    EXPECT_EQ(long_ones + table.crowded_out(), kProcesses);
}

// Catches: a free place taken for the youngest, so that a live entry is thrown out instead.
TEST(ProcessTable, FreePlacesAreUsedFirst) {
    agent::ProcessTable table;
    constexpr std::uint32_t kProcesses = agent::ProcessTable::kCapacity / 2;
    for (std::uint32_t round = 0; round < 4; ++round) {
        for (std::uint32_t pid = 0; pid < kProcesses; ++pid) {
            remember(table, pid * 4, "x");
        }
        for (std::uint32_t pid = round % 2; pid < kProcesses; pid += 2) {
            ASSERT_EQ(take(table, pid * 4), "x") << pid;
        }
    }
    EXPECT_EQ(table.crowded_out(), 0U);
}

TEST(ProcessTable, ForgetAllLeavesNothingAndCanBeUsedOn) {
    agent::ProcessTable table;
    remember(table, 4, "four");
    table.forget_all();
    EXPECT_EQ(take(table, 4), "(none)");
    remember(table, 4, "again");
    EXPECT_EQ(take(table, 4), "again");
}

// Catches: a look that forgets, or that finds what was forgotten.
TEST(ProcessTable, ALookLeavesTheProcessKnown) {
    agent::ProcessTable table;
    remember(table, 4, "name", "marks");
    agent::KnownProcess known;
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(table.look_up({4, 0}, 0, known));
        EXPECT_EQ(known.text(0), "name");
        EXPECT_EQ(known.text(1), "marks");
    }
    EXPECT_FALSE(table.look_up({8, 0}, 0, known));
    EXPECT_EQ(take(table, 4), "namemarks");
    EXPECT_FALSE(table.look_up({4, 0}, 0, known));
}

}  // namespace
}  // namespace aegis
