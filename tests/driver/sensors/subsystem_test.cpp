// Processes of other subsystems than Windows' own (WSL 1: pico processes): seen where the system can report them, and
// said not to be seen where it cannot.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {
namespace {

constexpr char kRegister[] = "PsSetCreateProcessNotifyRoutineEx2";

host::ExecutiveOptions older_system() {
    host::ExecutiveOptions options;
    options.other_exports[kRegister] = nullptr;
    return options;
}

// Pids of the events that a new handle finds, a process of a subsystem and an ordinary one having come and gone.
std::vector<std::uint32_t> pids_seen(TestHost& host, Client& client) {
    Activity activity(host);
    activity.create_of_subsystem(kFirstFreePid);
    activity.create(kFirstFreePid + 4);
    activity.exit(kFirstFreePid);
    activity.exit(kFirstFreePid + 4);
    std::vector<std::uint32_t> pids;
    for (const ProcessEvent& event : events_in(client.pull(1 << 16).bytes)) {
        pids.push_back(event.payload.ProcessId);
    }
    return pids;
}

std::vector<std::string> errors(TestHost& host) {
    std::vector<std::string> lines;
    for (const DebugLine& line : host.take_debug_lines()) {
        if (line.level == DPFLTR_ERROR_LEVEL) {
            lines.push_back(line.text);
        }
    }
    return lines;
}

const std::vector<std::uint32_t> kAll{kFirstFreePid, kFirstFreePid + 4, kFirstFreePid, kFirstFreePid + 4};
const std::vector<std::uint32_t> kOrdinary{kFirstFreePid + 4, kFirstFreePid + 4};

// Catches: the plain registration where the other one is there; a flag that is set all the same; a removal by the other
// function (the verifier stops at a routine that is left).
TEST(Subsystem, ProcessesAreSeen) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    EXPECT_EQ(pids_seen(host, client), kAll);
    const QueryResult query = client.query();
    EXPECT_EQ(callback_row(*query.reply, AEGIS_CALLBACK_PROCESS).Registered, 1U);
    EXPECT_EQ(callback_row(*query.reply, AEGIS_CALLBACK_PROCESS).Flags, 0U);
    EXPECT_EQ(callback_row(*query.reply, AEGIS_CALLBACK_PROCESS).Seen, 4U);
    // The transport's own need not hear of processes that cannot send it anything.
    EXPECT_EQ(callback_row(*query.reply, AEGIS_CALLBACK_OWNER_EXIT).Seen, 2U);
    EXPECT_TRUE(errors(host).empty());
}

void expect_blind_for_subsystems(TestHost& host, const std::string& error) {
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    EXPECT_EQ(pids_seen(host, client), kOrdinary);
    const QueryResult query = client.query();
    EXPECT_EQ(callback_row(*query.reply, AEGIS_CALLBACK_PROCESS).Registered, 1U);
    EXPECT_EQ(callback_row(*query.reply, AEGIS_CALLBACK_PROCESS).Status, STATUS_SUCCESS);
    EXPECT_EQ(callback_row(*query.reply, AEGIS_CALLBACK_PROCESS).Flags, AEGIS_CALLBACK_NO_SUBSYSTEMS);
    EXPECT_EQ(callback_row(*query.reply, AEGIS_CALLBACK_OWNER_EXIT).Flags, 0U);
    EXPECT_EQ(errors(host), std::vector<std::string>{error});
    client.exit();
    EXPECT_EQ(host.unload(), host::UnloadResult::kUnloaded);
}

// Catches: a function taken for granted; health that stays green; a removal through the function that is not there.
TEST(Subsystem, AnOlderSystemSaysThatItSeesNone) {
    TestHost host(older_system());
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    expect_blind_for_subsystems(host, "AegisMon: cannot see processes of every subsystem: 0xc000007a");
}

// Catches: a sensor that gives up where it could see most.
TEST(Subsystem, ARefusedRegistrationFallsBack) {
    TestHost host;
    for (std::uint64_t n = 1;; ++n) {
        host->faults().arm(n);
        const NTSTATUS status = host.load_small();
        const std::vector<std::string> failed = host->faults().failed();
        host->faults().reset();
        ASSERT_FALSE(failed.empty()) << kRegister << " was not called";
        if (failed.front() == kRegister) {
            ASSERT_EQ(status, STATUS_SUCCESS);
            break;
        }
        host.unload();
        host.take_debug_lines();
    }
    expect_blind_for_subsystems(host, "AegisMon: cannot see processes of every subsystem: 0xc000000d");
}

// Catches: state of one load that shows in the next.
TEST(Subsystem, EachLoadFindsOutAnew) {
    {
        TestHost host;
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    }
    {
        TestHost host(older_system());
        ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
        expect_blind_for_subsystems(host, "AegisMon: cannot see processes of every subsystem: 0xc000007a");
    }
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    EXPECT_EQ(pids_seen(host, client), kAll);
    EXPECT_EQ(callback_row(*client.query().reply, AEGIS_CALLBACK_PROCESS).Flags, 0U);
}

}  // namespace
}  // namespace aegis::test
