// What a policy limits and merges, and that every count is told.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "driver/policy/process_policy.hpp"

namespace aegis::test {
namespace {

TEST_F(ProcessPolicy, MoreThanTheTokensIsLimitedAndToldWithTheNext) {
    AEGIS_POLICY_TYPE type = kReportAll;
    type.TokensPerSecond = 10;
    type.Burst = 2;
    set(PolicyBuilder().type(AEGIS_EVENT_PROCESS_CREATE, type).path(u"\\x", AEGIS_POLICY_REFUSE));
    for (std::uint32_t n = 1; n <= 5; ++n) {
        start(n, u"\\a", 100, n);
    }
    EXPECT_EQ(told(), (Lines{"start 1", "start 2"}));
    // A refusal needs no token, and takes the count along.
    EXPECT_EQ(start(6, u"\\x", 100, 7), STATUS_ACCESS_DENIED);
    EXPECT_EQ(told(), (Lines{"limited 3", "refused 6"}));
    start(7, u"\\a", 100, 8);
    start(8, u"\\a", 100, 100 * kMs + 10);
    const std::vector<ProcessEvent> last = events();
    ASSERT_EQ(last.size(), 2U);
    const AEGIS_SUPPRESSED_PAYLOAD note = note_of(last[0]);
    EXPECT_EQ(last[0].header.Timestamp, kActivityTime + 100 * kMs + 10);
    EXPECT_EQ(note.Count, 1U);
    EXPECT_EQ(note.FirstTime, kActivityTime + 8);
    EXPECT_EQ(note.Generation, policy().Generation);
    EXPECT_EQ(row().Limited, 4U);
    EXPECT_EQ(policy().Types[AEGIS_EVENT_PROCESS_CREATE].Limited, 4U);
    EXPECT_EQ(policy().Notes, 2U);
}

// Alike: the same image, the same creator, and both refused or both not.
TEST_F(ProcessPolicy, WhatIsAlikeIsMergedForAWhile) {
    AEGIS_POLICY_TYPE type = kReportAll;
    type.MergeMs = 5;
    set(PolicyBuilder().type(AEGIS_EVENT_PROCESS_CREATE, type).path(u"\\x", AEGIS_POLICY_REFUSE));
    EXPECT_EQ(start(1, u"\\x\\a", 100), STATUS_ACCESS_DENIED);
    EXPECT_EQ(start(2, u"\\X\\A", 100, 1), STATUS_ACCESS_DENIED) << "refused all the same";
    EXPECT_EQ(start(3, u"\\x\\a", 100, 5 * kMs - 1), STATUS_ACCESS_DENIED);
    EXPECT_EQ(start(4, u"\\x\\a", 0x10064, 2), STATUS_ACCESS_DENIED) << "another creator";
    EXPECT_EQ(start(8, u"\\x\\a", 101, 2), STATUS_ACCESS_DENIED) << "another creator";
    EXPECT_EQ(start(5, u"\\x\\b", 100, 2), STATUS_ACCESS_DENIED) << "another image";
    EXPECT_EQ(start(6, u"\\x\\a", 4, 2), STATUS_SUCCESS) << "not refused";
    EXPECT_EQ(start(7, u"\\x\\a", 100, 5 * kMs), STATUS_ACCESS_DENIED);
    EXPECT_EQ(told(), (Lines{"refused 1", "refused 4", "refused 8", "refused 5", "start 6", "merged 2", "refused 7"}));
    EXPECT_EQ(policy().Types[AEGIS_EVENT_PROCESS_CREATE].Merged, 2U);
    EXPECT_EQ(policy().Types[AEGIS_EVENT_PROCESS_CREATE].Refused, 7U);
    EXPECT_EQ(row().Merged, 2U);
}

// Catches: a merged event that takes a token; one that is limited and begins a window.
TEST_F(ProcessPolicy, MergingComesBeforeTheLimit) {
    AEGIS_POLICY_TYPE type = kReportAll;
    type.MergeMs = 1000;
    type.TokensPerSecond = 1;
    type.Burst = 2;
    set(PolicyBuilder().type(AEGIS_EVENT_PROCESS_CREATE, type));
    start(1, u"\\a");
    start(2, u"\\a");
    start(3, u"\\b");
    start(4, u"\\c");
    start(5, u"\\c");
    EXPECT_EQ(told(), (Lines{"start 1", "start 3"}));
    EXPECT_EQ(row().Merged, 1U);
    EXPECT_EQ(row().Limited, 2U);
}

// Catches: a verdict to drop that comes after a token was taken, or after a window was opened or counted in.
TEST_F(ProcessPolicy, WhatIsDroppedTakesNoTokenAndIsLikeNothing) {
    AEGIS_POLICY_TYPE starts = kReportAll;
    starts.TokensPerSecond = 1;
    starts.Burst = 1;
    starts.MergeMs = 1000;
    AEGIS_POLICY_TYPE ends = kDropByDefault;
    ends.TokensPerSecond = 1;
    ends.Burst = 1;
    set(PolicyBuilder()
            .type(AEGIS_EVENT_PROCESS_CREATE, starts)
            .type(AEGIS_EVENT_PROCESS_EXIT, ends)
            .path(u"\\d", AEGIS_POLICY_DROP)
            .path(u"\\r", AEGIS_POLICY_REPORT)
            .image(u"\\i"));
    start(1, u"\\d");
    start(2, u"\\d");
    start(3, u"\\i");
    start(4, u"\\r");
    for (std::uint32_t n = 1; n <= 4; ++n) {
        end(n);
    }
    end(5);
    EXPECT_EQ(told(), (Lines{"start 4", "end 4"}));
    EXPECT_EQ(row().Merged, 0U);
    EXPECT_EQ(row().Limited, 0U);
    EXPECT_EQ(row().Filtered, 7U);
    for (const AEGIS_POLICY_COUNTERS& type : policy().Types) {
        EXPECT_EQ(type.Merged + type.Limited, 0U);
    }
}

// Catches: ends without a limit; an end that a rule for starts reports though its type is off.
TEST_F(ProcessPolicy, EndsHaveTheirOwnLimitAndTheirOwnOff) {
    AEGIS_POLICY_TYPE ends = kReportAll;
    ends.TokensPerSecond = 1;
    ends.Burst = 1;
    set(PolicyBuilder().type(AEGIS_EVENT_PROCESS_EXIT, ends).path(u"\\r", AEGIS_POLICY_REPORT));
    for (std::uint32_t n = 1; n <= 3; ++n) {
        start(n, u"\\r");
    }
    end(1);
    end(2, 1);
    end(3, 1000 * kMs);
    EXPECT_EQ(told(), (Lines{"start 1", "start 2", "start 3", "end 1", "limited 1", "end 3"}));
    set(PolicyBuilder().type(AEGIS_EVENT_PROCESS_EXIT, kOff).path(u"\\r", AEGIS_POLICY_REPORT));
    start(4, u"\\r");
    end(4);
    EXPECT_EQ(told(), (Lines{"start 4"}));
}

// Catches: counts that go with the policy that has them.
TEST_F(ProcessPolicy, WhatIsLeftIsToldWhenThePolicyGoes) {
    AEGIS_POLICY_TYPE type = kReportAll;
    type.MergeMs = 1000;
    type.TokensPerSecond = 1;
    type.Burst = 1;
    set(PolicyBuilder().type(AEGIS_EVENT_PROCESS_CREATE, type));
    start(1, u"\\a");
    start(2, u"\\a");
    start(3, u"\\b");
    EXPECT_EQ(told(), (Lines{"start 1"}));
    set(PolicyBuilder());
    EXPECT_EQ(told(), (Lines{"limited 1", "merged 1"}));
    set(PolicyBuilder().type(AEGIS_EVENT_PROCESS_CREATE, type));
    start(4, u"\\a");
    start(5, u"\\a");
    EXPECT_EQ(client_.close(), STATUS_SUCCESS);
    EXPECT_EQ(told(), (Lines{"start 4", "merged 1"}));
}

}  // namespace
}  // namespace aegis::test
