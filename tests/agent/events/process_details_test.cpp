#include "agent/events/process_details.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "support/event_bytes.hpp"

namespace aegis {
namespace {

constexpr std::int64_t kTime = 133590404961234567;

agent::Event decoded(std::uint16_t type, const std::vector<std::byte>& payload, std::int64_t time = kTime) {
    agent::Event event;
    EXPECT_EQ(agent::decode(test::event_bytes(type, time, 1, payload), event), agent::DecodeError::kNone);
    return event;
}

class Pending : public testing::Test {
  protected:
    void add(const test::Details& what, std::int64_t time = kTime) {
        details_.add(decoded(AEGIS_EVENT_PROCESS_DETAILS, test::details_payload(what), time));
    }
    bool take_start(std::uint32_t pid, std::int64_t time = kTime) {
        return details_.take(decoded(AEGIS_EVENT_PROCESS_CREATE, test::compact_payload({.pid = pid}), time), taken_,
                             complete_);
    }
    bool take_exit(std::uint32_t pid, std::int64_t time = kTime) {
        return details_.take(decoded(AEGIS_EVENT_PROCESS_EXIT, test::exit_payload(pid), time), taken_, complete_);
    }

    agent::PendingDetails details_;
    agent::ProcessDetails taken_;
    bool complete_ = false;
};

TEST_F(Pending, AreTakenOnceByTheirStart) {
    add({.pid = 4, .key = 44, .command_line = u"four"});
    add({.pid = 8, .key = 88, .command_line = u"eight"});
    ASSERT_TRUE(take_start(4));
    EXPECT_TRUE(complete_);
    EXPECT_EQ(taken_.fields.process_key, 44U);
    EXPECT_EQ(taken_.command_line, u"four");
    ASSERT_EQ(taken_.sid().size(), test::kUserSid.size());
    EXPECT_EQ(std::memcmp(taken_.sid().data(), test::kUserSid.data(), test::kUserSid.size()), 0);
    EXPECT_FALSE(take_start(4));
    EXPECT_FALSE(complete_);
    ASSERT_TRUE(take_start(8));
    EXPECT_EQ(taken_.command_line, u"eight");
    EXPECT_EQ(details_.forgotten(), 0U);
}

// Details whose start got lost wait for nobody. Catches: a pid that is used again given what was told of the process
// before; a start given what was told of an end.
TEST_F(Pending, BelongToNobodyElse) {
    add({.pid = 4, .key = 44});
    EXPECT_FALSE(take_start(4, kTime + 1)) << "the pid's next process";
    EXPECT_FALSE(take_start(8));
    EXPECT_FALSE(take_exit(4)) << "an end at the same time";
    add({.pid = 4, .key = 44, .command_line = u"", .kind = AEGIS_DETAILS_EXIT});
    ASSERT_TRUE(take_exit(4));
    EXPECT_EQ(taken_.fields.exit_status, 3);
    EXPECT_TRUE(take_start(4));
}

// Each part may be lost, and each pair. Catches: a command line with a hole that looks whole; parts behind a hole
// joined to those before it; a loss that nobody notices.
TEST_F(Pending, PartsAreJoinedUpToTheFirstThatIsMissing) {
    const std::u16string line = u"0123456789abcdefghijklmnopqrstuvwxyz";
    constexpr std::size_t kParts = 4;
    constexpr std::size_t kUnits = 9;
    for (unsigned lost = 0; lost < (1U << kParts) - 1; ++lost) {
        // In either order: several workers may read them.
        for (const bool backwards : {false, true}) {
            for (std::size_t i = 0; i < kParts; ++i) {
                const std::size_t part = backwards ? kParts - 1 - i : i;
                if ((lost >> part & 1U) == 0) {
                    add({.pid = 4,
                         .command_line = line,
                         .part = part,
                         .units_in_parts_before = part * kUnits,
                         .parts = kParts,
                         .units = kUnits});
                }
            }
            ASSERT_TRUE(take_start(4)) << lost;
            std::size_t whole = 0;
            while (whole < kParts && (lost >> whole & 1U) == 0) {
                ++whole;
            }
            EXPECT_EQ(complete_, lost == 0) << lost;
            EXPECT_EQ(taken_.command_line, line.substr(0, whole * kUnits)) << lost;
            EXPECT_EQ(taken_.command_line_cut(), lost != 0) << lost;
            EXPECT_EQ(taken_.sid().empty(), (lost & 1U) != 0) << lost;
        }
    }
}

TEST_F(Pending, ACommandLineThatTheDriverCutIsComplete) {
    add({.pid = 4, .command_line = u"abc", .full = 9});
    ASSERT_TRUE(take_start(4));
    EXPECT_TRUE(complete_);
    EXPECT_TRUE(taken_.command_line_cut());
}

// Catches: a table that grows; one that forgets the newest, or says nothing of what it forgets.
TEST_F(Pending, TheOldestAreForgottenAndCounted) {
    constexpr std::uint32_t kProcesses = 4 * agent::PendingDetails::kSets * agent::PendingDetails::kWays;
    for (std::uint32_t pid = 0; pid < kProcesses; ++pid) {
        add({.pid = pid, .key = pid + 1});
    }
    const std::uint64_t forgotten = details_.forgotten();
    std::uint32_t kept = 0;
    for (std::uint32_t pid = 0; pid < kProcesses; ++pid) {
        if (take_start(pid)) {
            EXPECT_EQ(taken_.fields.process_key, pid + 1);
            ++kept;
        }
    }
    EXPECT_EQ(kept + forgotten, kProcesses);
    EXPECT_LE(kept, agent::PendingDetails::kSets * agent::PendingDetails::kWays);
    EXPECT_GE(kept, agent::PendingDetails::kSets);
    add({.pid = 1});
    EXPECT_TRUE(take_start(1));
}

}  // namespace
}  // namespace aegis
