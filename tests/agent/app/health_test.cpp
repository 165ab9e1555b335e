#include "agent/app/health.hpp"

#include <gtest/gtest.h>

#include "support/captured_log.hpp"

namespace aegis {
namespace {

AEGIS_QUERY_REPLY healthy() {
    AEGIS_QUERY_REPLY reply = {};
    reply.State = AEGIS_RING_RUNNING;
    reply.Callbacks[0] = {AEGIS_CALLBACK_PROCESS, 1, 0, 0, 0, 500, 500, 0, 0, 0, 0};
    reply.Callbacks[1] = {AEGIS_CALLBACK_OWNER_EXIT, 1, 0, 0, 0, 500, 0, 500, 0, 0, 0};
    return reply;
}

TEST(HealthWatch, IsSilentWhileAllIsWell) {
    test::CapturedLog log;
    agent::HealthWatch health(log, healthy());
    health.look(healthy());
    EXPECT_EQ(log.text(), "");
}

// Catches: a callback that goes unnoticed, or is announced at every look.
TEST(HealthWatch, ACallbackThatIsGoneIsCriticalOnce) {
    test::CapturedLog log;
    agent::HealthWatch health(log, healthy());
    AEGIS_QUERY_REPLY blinded = healthy();
    blinded.Callbacks[0].Registered = 0;
    health.look(blinded);
    health.look(blinded);
    ASSERT_EQ(log.lines().size(), 1U) << log.text();
    EXPECT_EQ(log.count("CRITICAL: the driver's process callback is no longer registered after 500 events"), 1U);
}

TEST(HealthWatch, ACallbackWhoseRowIsGoneIsGone) {
    test::CapturedLog log;
    agent::HealthWatch health(log, healthy());
    AEGIS_QUERY_REPLY blinded = healthy();
    blinded.Callbacks[1] = {};
    health.look(blinded);
    EXPECT_EQ(log.count("CRITICAL: the driver's owner-exit callback"), 1U);
}

TEST(HealthWatch, ACallbackThatComesBackIsSaidAndWatchedAgain) {
    test::CapturedLog log;
    agent::HealthWatch health(log, healthy());
    AEGIS_QUERY_REPLY blinded = healthy();
    blinded.Callbacks[0].Registered = 0;
    health.look(blinded);
    health.look(healthy());
    health.look(blinded);
    EXPECT_EQ(log.count("note: the driver's process callback is registered again"), 1U);
    EXPECT_EQ(log.count("CRITICAL"), 2U);
}

// Partial protection: the driver runs without it, so this is no alarm.
TEST(HealthWatch, ACallbackMissingFromTheStartIsAWarning) {
    test::CapturedLog log;
    AEGIS_QUERY_REPLY partial = healthy();
    partial.Callbacks[0].Registered = 0;
    partial.Callbacks[0].Status = static_cast<std::int32_t>(0xC0000022);
    agent::HealthWatch health(log, partial);
    health.look(partial);
    ASSERT_EQ(log.lines().size(), 1U) << log.text();
    EXPECT_EQ(log.count("warning: the driver runs without its process callback (status 0xC0000022)"), 1U);
}

// Catches: a sensor that is blind for some processes and healthy all the same, or said so at every look.
TEST(HealthWatch, ACallbackThatDoesNotSeeSubsystemsIsAWarningOnce) {
    test::CapturedLog log;
    AEGIS_QUERY_REPLY partial = healthy();
    partial.Callbacks[0].Flags = AEGIS_CALLBACK_NO_SUBSYSTEMS;
    agent::HealthWatch health(log, partial);
    health.look(partial);
    ASSERT_EQ(log.lines().size(), 1U) << log.text();
    EXPECT_EQ(log.count("warning: the driver's process callback is not told of processes of subsystems such as WSL 1; "
                        "it takes Windows 10 1703 or later"),
              1U);
}

// Catches: what a thread sensor does not see said of processes, or not at all.
TEST(HealthWatch, WhatTheThreadCallbackDoesNotSeeIsSaidOnce) {
    test::CapturedLog log;
    AEGIS_QUERY_REPLY partial = healthy();
    AEGIS_CALLBACK_HEALTH& threads = partial.Callbacks[2];
    threads.Kind = AEGIS_CALLBACK_THREAD;
    threads.Registered = 1;
    threads.Flags = AEGIS_CALLBACK_NO_SUBSYSTEMS | AEGIS_CALLBACK_NO_FIRST_THREADS;
    agent::HealthWatch health(log, partial);
    health.look(partial);
    ASSERT_EQ(log.lines().size(), 2U) << log.text();
    EXPECT_EQ(log.count("warning: the driver's thread callback is not told of threads of subsystems such as WSL 1; "
                        "it takes Windows 10 1703 or later"),
              1U);
    EXPECT_EQ(log.count("warning: the driver's thread callback does not know which thread of a process is the first: "
                        "each looks as if another process had put it there"),
              1U);
    threads.Registered = 0;
    health.look(partial);
    EXPECT_EQ(log.count("thread starts and ends are not seen"), 1U);
}

TEST(HealthWatch, WhatTheImageCallbackDoesNotSeeIsSaidOnce) {
    test::CapturedLog log;
    AEGIS_QUERY_REPLY partial = healthy();
    AEGIS_CALLBACK_HEALTH& images = partial.Callbacks[2];
    images.Kind = AEGIS_CALLBACK_IMAGE;
    images.Registered = 1;
    images.Flags = AEGIS_CALLBACK_NO_FOREIGN_IMAGES;
    agent::HealthWatch health(log, partial);
    health.look(partial);
    ASSERT_EQ(log.lines().size(), 1U) << log.text();
    EXPECT_EQ(log.count("warning: the driver's image callback is not told of images made for another architecture than "
                        "the system's; it takes Windows 10 1709 or later"),
              1U);
    images.Registered = 0;
    health.look(partial);
    EXPECT_EQ(log.count("loads of programs, libraries and drivers are not seen"), 1U);
}

// Catches: counting what was dropped before the agent came, or telling the total instead of the change.
TEST(HealthWatch, EventsDroppedBeforeTheRingAreToldByReason) {
    test::CapturedLog log;
    AEGIS_QUERY_REPLY reply = healthy();
    reply.LostBefore[AEGIS_LOST_OVERSIZE] = 2;
    agent::HealthWatch health(log, reply);
    reply.LostBefore[AEGIS_LOST_OVERSIZE] = 5;
    health.look(reply);
    reply.LostBefore[AEGIS_LOST_CLOSING] = 1;
    health.look(reply);
    reply.LostBefore[AEGIS_LOST_FAILED] = 7;
    health.look(reply);
    reply.LostBefore[AEGIS_LOST_SOURCE] = 9;
    health.look(reply);
    health.look(reply);
    EXPECT_EQ(log.count("note: 2 events were lost before this agent came: larger than the ring takes"), 1U);
    EXPECT_EQ(log.count("3 events were lost before the ring: larger than the ring takes"), 1U);
    EXPECT_EQ(log.count("1 events were lost before the ring: seen while the driver was closing"), 1U);
    EXPECT_EQ(log.count("7 events were lost before the ring: seen after the driver found itself broken"), 1U);
    EXPECT_EQ(log.count("9 events were lost before the ring: lost by their source before the driver saw them"), 1U);
    EXPECT_EQ(log.lines().size(), 5U) << log.text();
}

// Catches: a failure that goes unnoticed, or is announced at every look.
TEST(HealthWatch, ADriverThatFoundItselfBrokenIsCriticalOnce) {
    test::CapturedLog log;
    agent::HealthWatch health(log, healthy());
    EXPECT_FALSE(health.driver_failed());
    AEGIS_QUERY_REPLY broken = healthy();
    broken.State = AEGIS_RING_FAILED;
    health.look(broken);
    EXPECT_TRUE(health.driver_failed());
    health.look(broken);
    ASSERT_EQ(log.lines().size(), 1U) << log.text();
    EXPECT_EQ(log.count("CRITICAL: the driver found itself broken"), 1U);
}

// Catches: a constructor that does not look at the state.
TEST(HealthWatch, ADriverThatWasBrokenBeforeIsCriticalAtOnce) {
    test::CapturedLog log;
    AEGIS_QUERY_REPLY broken = healthy();
    broken.State = AEGIS_RING_FAILED;
    agent::HealthWatch health(log, broken);
    EXPECT_TRUE(health.driver_failed());
    health.look(broken);
    ASSERT_EQ(log.lines().size(), 1U) << log.text();
    EXPECT_EQ(log.count("CRITICAL: the driver found itself broken"), 1U);
}

// Catches: somebody else's policy that goes unsaid, at the start or later; one's own that is taken for another's.
TEST(HealthWatch, APolicyOfAnotherProgramIsSaid) {
    test::CapturedLog log;
    AEGIS_QUERY_REPLY filtered = healthy();
    filtered.PolicyGeneration = 3;
    agent::HealthWatch health(log, filtered);
    EXPECT_EQ(log.count("policy 3 of another program decides what is reported"), 1U) << log.text();
    health.look(filtered);
    health.look(healthy());
    EXPECT_EQ(log.count("policy 3 has ended"), 1U) << log.text();
    filtered.PolicyGeneration = 4;
    health.look(filtered);
    EXPECT_EQ(log.count("policy 4 of another program"), 1U) << log.text();
    EXPECT_EQ(log.lines().size(), 3U) << log.text();
}

TEST(HealthWatch, ItsOwnPolicyIsNoNews) {
    test::CapturedLog log;
    agent::HealthWatch health(log, healthy(), 3);
    AEGIS_QUERY_REPLY filtered = healthy();
    filtered.PolicyGeneration = 3;
    health.look(filtered);
    EXPECT_EQ(log.text(), "");
}

}  // namespace
}  // namespace aegis
