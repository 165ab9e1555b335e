// What the thread sensor makes of a notification.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/policy_builder.hpp"

namespace aegis::test {
namespace {

constexpr std::uint32_t kPid = kFirstFreePid;
constexpr std::uint32_t kTid = kFirstFreePid + 4;
constexpr std::uint32_t kOther = kFirstFreePid + 8;
constexpr std::uint32_t kOtherTid = kFirstFreePid + 12;
constexpr std::uint64_t kAddress = 0x00007FF612345670;

host::ThreadCreation thread_of(std::uint32_t pid, std::uint32_t creator) {
    host::ThreadCreation thread;
    thread.pid = pid;
    thread.tid = kTid;
    thread.creator = creator;
    thread.creator_tid = kOtherTid;
    thread.start_address = kAddress;
    thread.timestamp = kActivityTime;
    return thread;
}

host::ThreadExit exit_of(std::uint32_t pid, NTSTATUS status) {
    return {.pid = pid, .tid = kTid, .status = status, .timestamp = kActivityTime + 5};
}

class ThreadEvents : public testing::Test {
  protected:
    void SetUp() override { load({}); }

    void load(host::ExecutiveOptions options) {
        client_.reset();
        activity_.reset();
        host_.reset();
        host_ = std::make_unique<TestHost>(std::move(options));
        activity_ = std::make_unique<Activity>(*host_);
        client_ = std::make_unique<Client>(*host_);
        ASSERT_EQ(host_->load(), STATUS_SUCCESS);
        ASSERT_EQ(client_->open(), STATUS_SUCCESS);
    }

    std::vector<ProcessEvent> pulled() { return events_in(client_->pull(1 << 20).bytes); }

    // The payload of the last event of all that came since the call before.
    AEGIS_THREAD_PAYLOAD last() {
        const std::vector<ProcessEvent> events = pulled();
        EXPECT_FALSE(events.empty());
        return events.empty() ? AEGIS_THREAD_PAYLOAD{} : events.back().thread();
    }

    AEGIS_CALLBACK_HEALTH health() {
        const QueryResult query = client_->query();
        return callback_row(*query.reply, AEGIS_CALLBACK_THREAD);
    }

    std::unique_ptr<TestHost> host_;
    std::unique_ptr<Activity> activity_;
    std::unique_ptr<Client> client_;
};

// Catches: any field that holds another one's value, or is left out.
TEST_F(ThreadEvents, AStartCarriesEveryField) {
    activity_->create_thread(thread_of(kPid, kPid));
    const std::vector<ProcessEvent> events = pulled();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].header.Type, AEGIS_EVENT_THREAD_CREATE);
    EXPECT_EQ(events[0].header.Size, sizeof(AEGIS_EVENT_HEADER) + sizeof(AEGIS_THREAD_PAYLOAD));
    EXPECT_EQ(events[0].header.Timestamp, kActivityTime);
    const AEGIS_THREAD_PAYLOAD start = events[0].thread();
    EXPECT_EQ(start.ProcessId, kPid);
    EXPECT_EQ(start.ThreadId, kTid);
    EXPECT_EQ(start.CreatorProcessId, kPid);
    EXPECT_EQ(start.CreatorThreadId, kOtherTid);
    EXPECT_NE(start.ProcessKey, 0U);
    EXPECT_EQ(start.CreatorKey, start.ProcessKey);
    EXPECT_EQ(start.StartAddress, kAddress);
    EXPECT_EQ(start.ExitStatus, 0);
    EXPECT_EQ(start.Flags, AEGIS_THREAD_ADDRESS_VALID);
}

TEST_F(ThreadEvents, AnExitCarriesItsStatus) {
    activity_->create_thread(thread_of(kPid, kPid));
    const std::uint64_t key = last().ProcessKey;
    activity_->exit_thread(exit_of(kPid, STATUS_ACCESS_VIOLATION));
    const std::vector<ProcessEvent> events = pulled();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].header.Type, AEGIS_EVENT_THREAD_EXIT);
    EXPECT_EQ(events[0].header.Size, sizeof(AEGIS_EVENT_HEADER) + sizeof(AEGIS_THREAD_PAYLOAD));
    EXPECT_EQ(events[0].header.Timestamp, kActivityTime + 5);
    AEGIS_THREAD_PAYLOAD expected{};
    expected.ProcessId = kPid;
    expected.ThreadId = kTid;
    expected.ProcessKey = key;
    expected.ExitStatus = STATUS_ACCESS_VIOLATION;
    expected.Flags = AEGIS_THREAD_EXIT_STATUS_VALID;
    const AEGIS_THREAD_PAYLOAD exit = events[0].thread();
    EXPECT_EQ(std::memcmp(&exit, &expected, sizeof(exit)), 0);
}

// Catches: a payload that the two transports hand out differently.
TEST_F(ThreadEvents, AreTheSameByRingAndByPull) {
    const SetupResult setup = client_->setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    ring::Consumer<> consumer(ring_of(setup.reply), {});
    activity_->create_thread(thread_of(kPid, kOther));
    activity_->exit_thread(exit_of(kPid, 1));
    const std::vector<ProcessEvent> read = drain(consumer);
    const std::vector<ProcessEvent> pulled_events = pulled();
    ASSERT_EQ(read.size(), 2U);
    ASSERT_EQ(pulled_events.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(std::memcmp(&read[i].header, &pulled_events[i].header, sizeof(AEGIS_EVENT_HEADER)), 0);
        const AEGIS_THREAD_PAYLOAD left = read[i].thread();
        const AEGIS_THREAD_PAYLOAD right = pulled_events[i].thread();
        EXPECT_EQ(std::memcmp(&left, &right, sizeof(left)), 0);
    }
}

// Catches: the first thread taken for an injected one, and an injected one for the first; a first thread that is
// remembered when it has come, or when its process has ended.
TEST_F(ThreadEvents, TellTheFirstThreadFromOneThatIsPutThere) {
    activity_->create(kPid);
    activity_->create_thread(thread_of(kPid, kOther));
    const AEGIS_THREAD_PAYLOAD first = last();
    EXPECT_EQ(first.Flags, AEGIS_THREAD_REMOTE | AEGIS_THREAD_FIRST | AEGIS_THREAD_ADDRESS_VALID);
    EXPECT_EQ(first.CreatorProcessId, kOther);
    EXPECT_NE(first.CreatorKey, 0U);
    EXPECT_NE(first.CreatorKey, first.ProcessKey);
    activity_->create_thread(thread_of(kPid, kOther));
    EXPECT_EQ(last().Flags, AEGIS_THREAD_REMOTE | AEGIS_THREAD_ADDRESS_VALID);
    activity_->create_thread(thread_of(kPid, kPid));
    EXPECT_EQ(last().Flags, AEGIS_THREAD_ADDRESS_VALID);
    activity_->exit(kPid);
    // A process that ends without a thread, because somebody refused it, and one that gets its number.
    activity_->create(kPid);
    activity_->exit(kPid);
    activity_->create_thread(thread_of(kPid, kOther));
    EXPECT_EQ(last().Flags, AEGIS_THREAD_REMOTE | AEGIS_THREAD_ADDRESS_VALID);
}

// A number that was expected twice stands for one thread.
TEST_F(ThreadEvents, ACreationThatWasRefusedLeavesNoSecondFirstThread) {
    activity_->create(kPid);
    activity_->create(kPid);
    activity_->create_thread(thread_of(kPid, kOther));
    EXPECT_NE(last().Flags & AEGIS_THREAD_FIRST, 0U);
    activity_->create_thread(thread_of(kPid, kOther));
    EXPECT_EQ(last().Flags & AEGIS_THREAD_FIRST, 0U);
}

// Who is refused by the policy never has a thread; what another puts in under its number later is not the first one.
TEST_F(ThreadEvents, AProcessThatIsRefusedHasNoFirstThread) {
    const std::vector<std::byte> policy = PolicyBuilder().path(u"\\Device\\evil", AEGIS_POLICY_REFUSE).blob();
    ASSERT_EQ(client_->set_policy(policy).status, STATUS_SUCCESS);
    EXPECT_FALSE(NT_SUCCESS(activity_->create(kPid, u"\\Device\\evil\\x.exe")));
    activity_->create_thread(thread_of(kPid, kOther));
    EXPECT_EQ(last().Flags & AEGIS_THREAD_FIRST, 0U);
}

// Catches: state of one load that shows in the next.
TEST_F(ThreadEvents, ALoadForgetsTheFirstThreadsOfTheOneBefore) {
    activity_->create(kPid);
    load({});
    activity_->create_thread(thread_of(kPid, kOther));
    EXPECT_EQ(last().Flags & AEGIS_THREAD_FIRST, 0U);
}

TEST_F(ThreadEvents, ThreadsOfTheKernelAreMarked) {
    host::ThreadCreation thread = thread_of(4, kOther);
    thread.system = true;
    activity_->create_thread(thread);
    EXPECT_EQ(last().Flags, AEGIS_THREAD_REMOTE | AEGIS_THREAD_SYSTEM | AEGIS_THREAD_ADDRESS_VALID);
    activity_->exit_thread(exit_of(4, 0));
    EXPECT_EQ(last().Flags, AEGIS_THREAD_SYSTEM | AEGIS_THREAD_EXIT_STATUS_VALID);
}

// NT may notify at APC_LEVEL, where it answers no query. Catches: a query all the same (the verifier stops).
TEST_F(ThreadEvents, AtApcLevelTheAddressIsLeftOut) {
    host::ThreadCreation thread = thread_of(kPid, kOther);
    thread.at_apc_level = true;
    activity_->create_thread(thread);
    const AEGIS_THREAD_PAYLOAD start = last();
    EXPECT_EQ(start.Flags, AEGIS_THREAD_REMOTE);
    EXPECT_EQ(start.StartAddress, 0U);
    EXPECT_NE(start.ProcessKey, 0U);
    EXPECT_NE(start.CreatorKey, 0U);
}

// What NT does not say is not made up. Catches: a flag that is always set.
TEST_F(ThreadEvents, WhatIsNotKnownIsNotSaid) {
    host::ThreadCreation thread = thread_of(kPid, kPid);
    thread.start_address.reset();
    activity_->create_thread(thread);
    AEGIS_THREAD_PAYLOAD event = last();
    EXPECT_EQ(event.Flags, 0U);
    EXPECT_EQ(event.StartAddress, 0U);
    host::ThreadExit exit = exit_of(kPid, 0);
    exit.status.reset();
    activity_->exit_thread(exit);
    event = last();
    EXPECT_EQ(event.Flags, 0U);
    EXPECT_EQ(event.ExitStatus, 0);
    // A thread of a process that nobody has heard of.
    activity_->exit_thread({.pid = kOther, .tid = kOtherTid, .status = 0, .timestamp = kActivityTime});
    EXPECT_EQ(last().ProcessKey, 0U);
}

// Catches: seen, published and lost that do not add up; a call that is not counted.
TEST_F(ThreadEvents, AreCounted) {
    EXPECT_EQ(health().Seen, 0U);
    EXPECT_EQ(health().Registered, 1U);
    EXPECT_EQ(health().Status, STATUS_SUCCESS);
    EXPECT_EQ(health().Flags, 0U);
    for (int i = 0; i < 3; ++i) {
        activity_->create_thread(thread_of(kPid, kPid));
        activity_->exit_thread(exit_of(kPid, 0));
    }
    EXPECT_EQ(health().Seen, 6U);
    EXPECT_EQ(health().Published, 6U);
    EXPECT_EQ(health().LastEventTime, kActivityTime + 5);
    EXPECT_EQ(client_->query().reply->Published, 6U);
}

// --- systems that lack something ---

host::ExecutiveOptions without(const std::string& name) {
    host::ExecutiveOptions options;
    options.other_exports[name] = nullptr;
    return options;
}

TEST_F(ThreadEvents, SeeThreadsOfEverySubsystemWhereTheSystemReportsThem) {
    activity_->create_of_subsystem(kPid);
    pulled();
    activity_->create_thread(thread_of(kPid, kOther));
    EXPECT_EQ(last().Flags & AEGIS_THREAD_FIRST, AEGIS_THREAD_FIRST);
}

TEST_F(ThreadEvents, OnAnOlderSystemThePlainNotificationServes) {
    load(without("PsSetCreateThreadNotifyRoutineEx"));
    EXPECT_EQ(health().Registered, 1U);
    EXPECT_EQ(health().Status, STATUS_SUCCESS);
    EXPECT_EQ(health().Flags, AEGIS_CALLBACK_NO_SUBSYSTEMS);
    activity_->create_thread(thread_of(kPid, kPid));
    EXPECT_EQ(last().ThreadId, kTid);
    activity_->create_of_subsystem(kOther);
    pulled();
    activity_->create_thread(thread_of(kOther, kPid));
    EXPECT_TRUE(pulled().empty());
}

// A system that notifies on the new thread, where its maker is not known. Catches: a thread that is said to have made
// itself.
TEST_F(ThreadEvents, NoThreadMakesItself) {
    host::ThreadCreation thread = thread_of(kPid, kPid);
    thread.creator_tid = thread.tid;
    activity_->create_thread(thread);
    const AEGIS_THREAD_PAYLOAD start = last();
    EXPECT_EQ(start.Flags, AEGIS_THREAD_ADDRESS_VALID);
    EXPECT_EQ(start.CreatorProcessId, 0U);
    EXPECT_EQ(start.CreatorThreadId, 0U);
    EXPECT_EQ(start.CreatorKey, 0U);
}

// Catches: the time of the creation handed out as a start key.
TEST_F(ThreadEvents, WithoutStartKeysTheCreationTimeServesAndIsMarked) {
    load(without("PsGetProcessStartKey"));
    activity_->create_thread(thread_of(kPid, kPid));
    AEGIS_THREAD_PAYLOAD start = last();
    EXPECT_EQ(start.ProcessKey, static_cast<std::uint64_t>(kActivityTime));
    EXPECT_EQ(start.CreatorKey, start.ProcessKey);
    constexpr std::uint32_t kBoth = AEGIS_THREAD_KEY_IS_TIME | AEGIS_THREAD_CREATOR_KEY_IS_TIME;
    EXPECT_EQ(start.Flags, AEGIS_THREAD_ADDRESS_VALID | kBoth);
    activity_->create_thread(thread_of(kPid, kOther));
    start = last();
    EXPECT_EQ(start.Flags, AEGIS_THREAD_ADDRESS_VALID | AEGIS_THREAD_REMOTE | kBoth);
    EXPECT_EQ(start.CreatorKey, static_cast<std::uint64_t>(kActivityTime));
    activity_->exit_thread(exit_of(kPid, 0));
    EXPECT_EQ(last().Flags, AEGIS_THREAD_KEY_IS_TIME | AEGIS_THREAD_EXIT_STATUS_VALID);
}

TEST_F(ThreadEvents, WithoutAQueryThereIsNoAddress) {
    load(without("ZwQueryInformationThread"));
    activity_->create_thread(thread_of(kPid, kPid));
    EXPECT_EQ(last().Flags, 0U);
}

TEST_F(ThreadEvents, WithoutExitStatusesThereIsNone) {
    load(without("PsGetThreadExitStatus"));
    activity_->create_thread(thread_of(kPid, kPid));
    activity_->exit_thread(exit_of(kPid, 7));
    const AEGIS_THREAD_PAYLOAD exit = last();
    EXPECT_EQ(exit.Flags, 0U);
    EXPECT_EQ(exit.ExitStatus, 0);
}

// Without the process sensor nobody says which thread is the first; health tells so.
TEST_F(ThreadEvents, WithoutTheProcessSensorFirstThreadsLookRemote) {
    for (std::uint64_t call = 1;; ++call) {
        host::ExecutiveOptions options;
        options.other_exports["PsSetCreateProcessNotifyRoutineEx2"] = nullptr;
        host_->unload();
        client_.reset();
        activity_.reset();
        host_.reset();
        host_ = std::make_unique<TestHost>(std::move(options));
        activity_ = std::make_unique<Activity>(*host_);
        client_ = std::make_unique<Client>(*host_);
        (*host_)->faults().arm(call);
        const NTSTATUS status = host_->load_small();
        const std::vector<std::string> failed = (*host_)->faults().failed();
        (*host_)->faults().reset();
        ASSERT_FALSE(failed.empty());
        if (failed.front() == "PsSetCreateProcessNotifyRoutineEx") {
            ASSERT_EQ(status, STATUS_SUCCESS);
            break;
        }
    }
    ASSERT_EQ(client_->open(), STATUS_SUCCESS);
    EXPECT_EQ(health().Registered, 1U);
    EXPECT_EQ(health().Flags, AEGIS_CALLBACK_NO_FIRST_THREADS);
    activity_->create(kPid);
    activity_->create_thread(thread_of(kPid, kOther));
    EXPECT_EQ(last().Flags & (AEGIS_THREAD_REMOTE | AEGIS_THREAD_FIRST), AEGIS_THREAD_REMOTE);
}

}  // namespace
}  // namespace aegis::test
