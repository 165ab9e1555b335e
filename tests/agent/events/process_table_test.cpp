#include "agent/events/process_table.hpp"

#include <gtest/gtest.h>

#include <string>

namespace aegis {
namespace {

std::string take(agent::ProcessTable& table, std::uint32_t pid) {
    agent::Lines lines;
    return table.take(pid, lines, lines) ? fmt::to_string(lines) : "(none)";
}

TEST(ProcessTable, TakesWhatWasRememberedOnce) {
    agent::ProcessTable table;
    table.remember(4, "four");
    table.remember(0, "zero");
    EXPECT_EQ(take(table, 4), "four");
    EXPECT_EQ(take(table, 4), "(none)");
    EXPECT_EQ(take(table, 0), "zero");
    EXPECT_EQ(take(table, 8), "(none)");
}

// Catches: a text in the other's place, and what an earlier process left there.
TEST(ProcessTable, KeepsTwoTextsApart) {
    agent::ProcessTable table;
    table.remember(4, "old and long", "older");
    table.remember(4, "first", "second");
    table.remember(5, "", "only");
    agent::Lines first;
    agent::Lines second;
    EXPECT_TRUE(table.take(4, first, second));
    EXPECT_TRUE(table.take(5, first, second));
    EXPECT_EQ(fmt::to_string(first), "first");
    EXPECT_EQ(fmt::to_string(second), "secondonly");
}

// Catches: a second entry for an id that is already there; its ghost would come out at the next exit.
TEST(ProcessTable, AnIdUsedAgainReplacesTheOldProcess) {
    agent::ProcessTable table;
    table.remember(4, "old");
    table.remember(4, "new");
    EXPECT_EQ(take(table, 4), "new");
    EXPECT_EQ(take(table, 4), "(none)");
}

// Catches: a table that grows without bound, and one that forgets the newest.
TEST(ProcessTable, ForgetsTheOldestWhenFull) {
    agent::ProcessTable table;
    constexpr std::uint32_t kProcesses = 3 * agent::ProcessTable::kCapacity;
    for (std::uint32_t pid = 0; pid < kProcesses; ++pid) {
        table.remember(pid, std::to_string(pid));
    }
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
}

// Catches: a free place taken for the youngest, so that a live entry is thrown out instead.
TEST(ProcessTable, FreePlacesAreUsedFirst) {
    agent::ProcessTable table;
    constexpr std::uint32_t kProcesses = agent::ProcessTable::kCapacity / 2;
    for (std::uint32_t round = 0; round < 4; ++round) {
        for (std::uint32_t pid = 0; pid < kProcesses; ++pid) {
            table.remember(pid * 4, "x");
        }
        for (std::uint32_t pid = round % 2; pid < kProcesses; pid += 2) {
            ASSERT_EQ(take(table, pid * 4), "x") << pid;
        }
    }
}

TEST(ProcessTable, ForgetAllLeavesNothingAndCanBeUsedOn) {
    agent::ProcessTable table;
    table.remember(4, "four");
    table.forget_all();
    EXPECT_EQ(take(table, 4), "(none)");
    table.remember(4, "again");
    EXPECT_EQ(take(table, 4), "again");
}

// Catches: a look that forgets, that finds what was forgotten, or that swaps the texts.
TEST(ProcessTable, ALookLeavesTheProcessKnown) {
    agent::ProcessTable table;
    table.remember(4, "name", "marks");
    for (int i = 0; i < 2; ++i) {
        agent::Lines first;
        agent::Lines second;
        EXPECT_TRUE(table.look_up(4, first, second));
        EXPECT_EQ(fmt::to_string(first), "name");
        EXPECT_EQ(fmt::to_string(second), "marks");
    }
    agent::Lines none;
    EXPECT_FALSE(table.look_up(8, none, none));
    EXPECT_EQ(take(table, 4), "namemarks");
    EXPECT_FALSE(table.look_up(4, none, none));
    EXPECT_EQ(none.size(), 0U);
}

}  // namespace
}  // namespace aegis
