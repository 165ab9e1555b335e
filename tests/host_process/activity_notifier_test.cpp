// From a source to the driver: what it lost.
#include "driver/host/server/activity_notifier.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "driver/host/server/process_table.hpp"
#include "driver/support/client.hpp"
#include "driver/support/test_host.hpp"

namespace aegis::test {
namespace {

using testing::ElementsAre;

// Catches: a count cut to the 32 bits of one report, a loss that stays in the host, a refusal nobody hears of.
TEST(ActivityNotifier, TellsTheDriverWhatTheSourceLost) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    host::server::ProcessTable clients(host.executive());
    std::vector<std::string> lines;
    host::server::ActivityNotifier notifier(host.executive(), clients,
                                            [&](std::string_view line) { lines.emplace_back(line); });
    constexpr std::uint64_t kMany = 2 * std::uint64_t{UINT32_MAX} + 5;
    notifier.events_lost(kMany);
    notifier.events_lost(1);
    {
        Client client(host);
        ASSERT_EQ(client.open(), STATUS_SUCCESS);
        EXPECT_EQ(client.query().reply->LostBefore[AEGIS_LOST_SOURCE], kMany + 1);
    }
    EXPECT_TRUE(lines.empty());
    ASSERT_EQ(host.unload(), host::UnloadResult::kUnloaded);
    notifier.events_lost(3);
    EXPECT_THAT(lines, ElementsAre("the driver did not take the report of 3 lost events (NTSTATUS 0xC0000034)"));
}

std::uint32_t flags_of(Client& client, std::uint32_t kind) {
    return callback_row(*client.query().reply, kind).Flags;
}

// Catches: a sensor without a source that looks healthy; one with a source that is called without; a refusal nobody
// hears of.
TEST(ActivityNotifier, HasHealthSayWhatHasNoSource) {
    constexpr host::sources::Tells kAll{.threads = true, .images = true, .handles = true, .registry = true};
    std::vector<host::sources::Tells> cases(5, kAll);
    cases[1].threads = false;
    cases[2].images = false;
    cases[3].handles = false;
    cases[4].registry = false;
    for (const host::sources::Tells& told : cases) {
        TestHost host;
        ASSERT_EQ(host.load(), STATUS_SUCCESS);
        host::server::ProcessTable clients(host.executive());
        std::vector<std::string> lines;
        host::server::ActivityNotifier notifier(host.executive(), clients,
                                                [&](std::string_view line) { lines.emplace_back(line); });
        notifier.tell_what_is_missing(told);
        {
            Client client(host);
            ASSERT_EQ(client.open(), STATUS_SUCCESS);
            EXPECT_EQ(flags_of(client, AEGIS_CALLBACK_PROCESS), 0U);
            EXPECT_EQ(flags_of(client, AEGIS_CALLBACK_THREAD), told.threads ? 0U : AEGIS_CALLBACK_NO_SOURCE);
            EXPECT_EQ(flags_of(client, AEGIS_CALLBACK_IMAGE), told.images ? 0U : AEGIS_CALLBACK_NO_SOURCE);
            EXPECT_EQ(flags_of(client, AEGIS_CALLBACK_HANDLE), told.handles ? 0U : AEGIS_CALLBACK_NO_SOURCE);
            EXPECT_EQ(flags_of(client, AEGIS_CALLBACK_REGISTRY), told.registry ? 0U : AEGIS_CALLBACK_NO_SOURCE);
        }
        EXPECT_TRUE(lines.empty());
        ASSERT_EQ(host.unload(), host::UnloadResult::kUnloaded);
        notifier.tell_what_is_missing(cases[2]);
        EXPECT_THAT(lines, ElementsAre("the driver did not take the report of a callback of kind 4 without a source "
                                       "(NTSTATUS 0xC0000034)"));
    }
}

}  // namespace
}  // namespace aegis::test
