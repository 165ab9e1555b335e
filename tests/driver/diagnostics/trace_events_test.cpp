// What the driver writes to ETW, as the executive took it apart: the load, what is missing, what fails.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/kernel_view.hpp"
#include "driver/support/policy_builder.hpp"

namespace aegis::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint8_t kCritical = 1;
constexpr std::uint8_t kError = 2;
constexpr std::uint8_t kWarning = 3;
constexpr std::uint8_t kInformation = 4;
constexpr std::uint8_t kVerbose = 5;

class Session {
  public:
    // On a system that lacks these functions.
    host::ExecutiveOptions options(const std::vector<std::string>& missing = {}) {
        host::ExecutiveOptions options;
        options.trace = [this](const host::TraceEvent& event) {
            const std::lock_guard lock(mutex_);
            events_.push_back(event);
        };
        for (const std::string& name : missing) {
            options.other_exports[name] = nullptr;
        }
        return options;
    }

    // The lines of events at or above a level, since the last call.
    std::vector<std::string> take(std::uint8_t level) {
        const std::lock_guard lock(mutex_);
        std::vector<std::string> lines;
        for (const host::TraceEvent& event : std::exchange(events_, {})) {
            EXPECT_EQ(event.provider, "Aegis.AegisMon");
            EXPECT_NE(event.keyword, 0U) << event.name << ": a session without keywords gets all, one with any nothing";
            if (event.level <= level) {
                lines.push_back(to_text(event));
            }
        }
        return lines;
    }

  private:
    std::mutex mutex_;  // protects events_
    std::vector<host::TraceEvent> events_;
};

// Catches: a step that is not told, or before it is done; counters from before the last loss.
TEST(TraceEvents, FollowALoadAndAnUnload) {
    Session session;
    TestHost host(session.options());
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    EXPECT_THAT(session.take(kVerbose),
                ElementsAre("LoadStep Step=\"create the ring\"", "LoadStep Step=\"make the table of upper case\"",
                            "LoadStep Step=\"create the device\"", "LoadStep Step=\"watch for consumers that exit\"",
                            "Ready RingKiB=64"));
    Activity(host).come_and_go(3);
    EXPECT_THAT(session.take(kVerbose), IsEmpty());
    EXPECT_EQ(host.unload(), host::UnloadResult::kUnloaded);
    EXPECT_THAT(session.take(kInformation), ElementsAre("Unload Published=12 Lost=0"));
}

// Catches: a failure that only the debug output has; a provider that stays after it (the verifier stops).
TEST(TraceEvents, SayWhichStepFailed) {
    Session session;
    TestHost host(session.options({"KeQuerySystemTimePrecise", "KeQuerySystemTime"}));
    EXPECT_EQ(host.load_small(), STATUS_PROCEDURE_NOT_FOUND);
    EXPECT_THAT(session.take(kError), ElementsAre("LoadStepFailed Step=\"find a system clock\" Status=0xC000007A"));
}

TEST(TraceEvents, SayWhatIsDoneWithout) {
    Session session;
    TestHost host(session.options({"PsSetCreateProcessNotifyRoutineEx2"}));
    // The ring's size is one that is not taken.
    ASSERT_EQ(host.load(service_with_ring(1)), STATUS_SUCCESS);
    EXPECT_THAT(session.take(kWarning),
                ElementsAre("ParameterIgnored Parameter=\"RingKiB\" Status=0x00000000 Value=1 RingKiB=4352",
                            "LoadStepFailed Step=\"see processes of every subsystem\" Status=0xC000007A"));
}

TEST(TraceEvents, SayWhichSensorIsMissing) {
    Session session;
    TestHost host(session.options({"PsSetCreateProcessNotifyRoutineEx2"}));
    // Every call in turn: the one that registers the sensor is among them.
    for (std::uint64_t call = 1;; ++call) {
        host->faults().arm(call);
        const NTSTATUS status = host.load_small();
        const std::vector<std::string> failed = host->faults().failed();
        ASSERT_FALSE(failed.empty()) << "the sensor's registration was never made to fail";
        const std::vector<std::string> lines = session.take(kWarning);
        host.unload();
        session.take(kVerbose);
        if (failed[0] == "PsSetCreateProcessNotifyRoutineEx") {
            EXPECT_EQ(status, STATUS_SUCCESS);
            EXPECT_THAT(lines, testing::Contains("SensorMissing Sensor=\"process sensor\" Status=0xC000000D"));
            return;
        }
    }
}

TEST(TraceEvents, SayThatTheDriverFoundItselfBroken) {
    Session session;
    TestHost host(session.options());
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    AEGIS_RING_HEADER* const header = ring_in_the_kernel(host, kSmallRingCells);
    ASSERT_NE(header, nullptr);
    session.take(kVerbose);
    header->Published += 1;
    client.query();
    EXPECT_THAT(session.take(kCritical), ElementsAre("InternalFailure Reason=\"the ring's header was overwritten\""));
}

// Catches: an event about a policy that was not taken as if it were; a refusal that only the ring has.
TEST(TraceEvents, FollowAPolicyAndWhatItRefuses) {
    Session session;
    TestHost host(session.options());
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    {
        Client client(host);
        ASSERT_EQ(client.open(), STATUS_SUCCESS);
        session.take(kVerbose);
        const std::string pid = std::to_string(client.pid());
        EXPECT_TRUE(NT_ERROR(client.set_policy({}).status));
        EXPECT_THAT(session.take(kVerbose), ElementsAre("PolicyNotTaken ProcessId=" + pid + " Status=0xC0000004"));
        ASSERT_EQ(client.set_policy(PolicyBuilder().path(u"\\refused", AEGIS_POLICY_REFUSE).blob()).status,
                  STATUS_SUCCESS);
        EXPECT_THAT(session.take(kVerbose), ElementsAre("PolicySet Generation=1 ProcessId=" + pid));
        host::ProcessCreation creation;
        creation.pid = kFirstFreePid;
        creation.image_path = u"\\refused\\it";
        creation.timestamp = kActivityTime;
        EXPECT_EQ(host->raise_process_create(creation), STATUS_ACCESS_DENIED);
        EXPECT_THAT(session.take(kVerbose),
                    ElementsAre("Refused What=\"process\" ProcessId=" + std::to_string(kFirstFreePid)));
    }
    EXPECT_THAT(session.take(kVerbose), ElementsAre("PolicyEnded Generation=1"));
}

// Catches: a load that fails without ETW, and one that writes with functions that are not there.
TEST(TraceEvents, AreDoneWithout) {
    for (const char* const missing : {"EtwRegister", "EtwWrite", "EtwUnregister"}) {
        Session session;
        TestHost host(session.options({missing}));
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS) << missing;
        EXPECT_EQ(host.unload(), host::UnloadResult::kUnloaded);
        EXPECT_THAT(session.take(kVerbose), IsEmpty()) << missing;
        const std::vector<DebugLine> lines = host.take_debug_lines();
        ASSERT_EQ(lines.size(), 2U);
        EXPECT_EQ(lines[0].text, "AegisMon: no ETW events: 0xc000007a");
    }
}

// Catches: a driver that takes the newer function for granted.
TEST(TraceEvents, ComeAlsoOnWindowsBefore10) {
    Session session;
    TestHost host(session.options({"EtwSetInformation"}));
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    EXPECT_THAT(session.take(kInformation), ElementsAre("Ready RingKiB=64"));
}

}  // namespace
}  // namespace aegis::test
