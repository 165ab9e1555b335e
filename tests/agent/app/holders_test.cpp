// --holders: who reads from the driver.
#include "agent/app/holders.hpp"

#include <gtest/gtest.h>

#include "support/captured_log.hpp"
#include "support/fake_system.hpp"

namespace aegis {
namespace {

using agent::ExitCode;
using agent::Options;
using client::IoStatus;
using test::CapturedLog;
using test::FakeSystem;

// Catches: a row left out, an unused one printed, the handles of processes that never read forgotten.
TEST(Holders, AreOneLineEach) {
    FakeSystem system;
    system.on_query([](AEGIS_QUERY_REPLY& reply) {
        reply.Consumers[0] = {AEGIS_TRANSPORT_RING, 100, 0, 0, 0, 0};
        reply.Consumers[1] = {AEGIS_TRANSPORT_PULL, 200, 0, 0, 0, 0};
        reply.Handles = 5;
    });
    CapturedLog log;
    EXPECT_EQ(agent::list_holders(system.port(), log, Options{}), ExitCode::kFinished);
    EXPECT_EQ(system.output(), "100 ring\n200 pull\n");
    EXPECT_EQ(log.count("2 more open handles"), 1U) << log.text();
}

TEST(Holders, MayBeNone) {
    FakeSystem system;
    system.on_query([](AEGIS_QUERY_REPLY& reply) { reply.Handles = 1; });
    CapturedLog log;
    EXPECT_EQ(agent::list_holders(system.port(), log, Options{}), ExitCode::kFinished);
    EXPECT_EQ(system.output(), "");
    EXPECT_EQ(log.lines().size(), 0U) << log.text();
}

TEST(Holders, AFailureSaysWhyAndHasItsExitCode) {
    FakeSystem system;
    CapturedLog log;
    system.refuse(AEGIS_IOCTL_QUERY, {IoStatus::kOtherRevision, 0, 17});
    EXPECT_EQ(agent::list_holders(system.port(), log, Options{}), ExitCode::kProtocolMismatch);
    EXPECT_EQ(log.count("install driver and agent from the same release"), 1U) << log.text();
    system.refuse(AEGIS_IOCTL_RING_SETUP, {});  // which nobody asks for: the query is answered again
    system.on_query([](AEGIS_QUERY_REPLY& reply) { reply.Consumers[0].Transport = AEGIS_TRANSPORT_RING; });
    system.break_output({agent::WriteStatus::kFailed, 0, "No space left"});
    EXPECT_EQ(agent::list_holders(system.port(), log, Options{}), ExitCode::kRuntimeFailure);
    EXPECT_EQ(log.count("No space left"), 1U) << log.text();
}

}  // namespace
}  // namespace aegis
