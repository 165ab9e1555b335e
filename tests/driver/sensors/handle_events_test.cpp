// What the handle sensor makes of a handle that is opened or duplicated.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/policy_builder.hpp"

namespace aegis::test {
namespace {

constexpr ACCESS_MASK kTerminate = 0x0001;
constexpr ACCESS_MASK kVmRead = 0x0010;
constexpr ACCESS_MASK kQueryLimited = 0x1000;
constexpr ACCESS_MASK kAllAccess = 0x1FFFFF;
constexpr std::uint32_t kTarget = kFirstFreePid;
constexpr std::uint32_t kTid = kFirstFreePid + 4;

host::ExecutiveOptions without(const std::string& name) {
    host::ExecutiveOptions options;
    options.other_exports[name] = nullptr;
    return options;
}

// Another driver, where this one would like to be.
OB_PREOP_CALLBACK_STATUS NTAPI do_nothing(PVOID, POB_PRE_OPERATION_INFORMATION) {
    return OB_PREOP_SUCCESS;
}

class HandleEvents : public testing::Test {
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
        activity_->create(kTarget);
        host::ThreadCreation thread;
        thread.pid = kTarget;
        thread.tid = kTid;
        thread.creator = kTarget;
        thread.creator_tid = kTid;
        activity_->create_thread(thread);
        target_key_ = pulled().back().thread().ProcessKey;
    }

    std::vector<ProcessEvent> pulled() { return events_in(client_->pull(1 << 20).bytes); }

    // The one and only event there is.
    ProcessEvent only_event() {
        const std::vector<ProcessEvent> events = pulled();
        EXPECT_EQ(events.size(), 1U);
        return events.empty() ? ProcessEvent{} : events.back();
    }

    AEGIS_CALLBACK_HEALTH health() {
        const QueryResult query = client_->query();
        return callback_row(*query.reply, AEGIS_CALLBACK_HANDLE);
    }

    std::unique_ptr<TestHost> host_;
    std::unique_ptr<Activity> activity_;
    std::unique_ptr<Client> client_;
    std::uint64_t target_key_ = 0;
};

// Catches: any field that holds another one's value, or is left out.
TEST_F(HandleEvents, AnOpenCarriesEveryField) {
    host::HandleOpen open;
    open.pid = kFirstFreePid + 8;
    open.tid = kFirstFreePid + 12;
    open.target = kTarget;
    open.access = kTerminate | kQueryLimited;
    open.made = true;
    open.timestamp = kActivityTime;
    (*host_)->raise_handle_open(open);
    const ProcessEvent event = only_event();
    EXPECT_EQ(event.header.Type, AEGIS_EVENT_HANDLE_OP);
    EXPECT_EQ(event.header.Size, sizeof(AEGIS_EVENT_HEADER) + sizeof(AEGIS_HANDLE_PAYLOAD));
    EXPECT_EQ(event.header.Timestamp, kActivityTime);
    const AEGIS_HANDLE_PAYLOAD told = event.handle();
    EXPECT_EQ(told.ProcessId, open.pid);
    EXPECT_EQ(told.ThreadId, open.tid);
    EXPECT_NE(told.ProcessKey, 0U);
    EXPECT_NE(told.ProcessKey, target_key_);
    EXPECT_EQ(told.TargetProcessId, kTarget);
    EXPECT_EQ(told.TargetThreadId, 0U);
    EXPECT_EQ(told.TargetKey, target_key_);
    EXPECT_EQ(told.OriginalAccess, kTerminate | kQueryLimited);
    EXPECT_EQ(told.DesiredAccess, kTerminate | kQueryLimited);
    EXPECT_EQ(told.GrantedAccess, kTerminate | kQueryLimited);
    EXPECT_EQ(told.Operation, AEGIS_HANDLE_OPEN);
    EXPECT_EQ(told.ObjectType, AEGIS_HANDLE_PROCESS);
    EXPECT_EQ(told.Flags, AEGIS_HANDLE_GRANTED_VALID);
    EXPECT_EQ(told.SourceProcessId, 0U);
    EXPECT_EQ(told.DestinationProcessId, 0U);
    EXPECT_EQ(told.Reserved, 0U);
}

// Catches: the two processes of a duplicate confused, with each other or with the caller; a thread told as a process.
TEST_F(HandleEvents, ADuplicateOfAThreadsHandleCarriesEveryField) {
    host::HandleOpen open;
    open.pid = kFirstFreePid + 8;
    open.tid = kFirstFreePid + 12;
    open.target = kTarget;
    open.target_tid = kTid;
    open.access = 0x2;
    open.duplicate = true;
    open.source = kFirstFreePid + 16;
    open.destination = kFirstFreePid + 20;
    (*host_)->raise_handle_open(open);
    const AEGIS_HANDLE_PAYLOAD told = only_event().handle();
    EXPECT_EQ(told.ProcessId, open.pid);
    EXPECT_EQ(told.TargetProcessId, kTarget);
    EXPECT_EQ(told.TargetThreadId, kTid);
    EXPECT_EQ(told.TargetKey, target_key_);
    EXPECT_EQ(told.Operation, AEGIS_HANDLE_DUPLICATE);
    EXPECT_EQ(told.ObjectType, AEGIS_HANDLE_THREAD);
    EXPECT_EQ(told.SourceProcessId, open.source);
    EXPECT_EQ(told.DestinationProcessId, open.destination);
    // Nobody knows whether there is a handle.
    EXPECT_EQ(told.Flags, 0U);
    EXPECT_EQ(told.GrantedAccess, 0U);
}

// Every right by itself, of either type. Catches: one that is missing among the dangerous ones, or one too many.
TEST_F(HandleEvents, OnlyDangerousRightsMakeAnEvent) {
    constexpr ACCESS_MASK kOfProcesses = 0x0BFF | WRITE_DAC | WRITE_OWNER;
    constexpr ACCESS_MASK kOfThreads = 0x03B3 | WRITE_DAC | WRITE_OWNER;
    std::uint64_t events = 0;
    std::uint64_t filtered = 0;
    for (unsigned bit = 0; bit < 21; ++bit) {
        const ACCESS_MASK right = 1U << bit;
        client_->open_process(kTarget, right);
        const bool of_process = (kOfProcesses & right) != 0;
        EXPECT_EQ(pulled().size(), of_process ? 1U : 0U) << "process, bit " << bit;
        client_->open_thread(kTid, right);
        const bool of_thread = (kOfThreads & right) != 0;
        EXPECT_EQ(pulled().size(), of_thread ? 1U : 0U) << "thread, bit " << bit;
        events += (of_process ? 1 : 0) + (of_thread ? 1 : 0);
        filtered += (of_process ? 0 : 1) + (of_thread ? 0 : 1);
    }
    const AEGIS_CALLBACK_HEALTH row = health();
    EXPECT_EQ(row.Published, events);
    EXPECT_EQ(row.Filtered, filtered);
    EXPECT_EQ(row.Seen, events + filtered);
    EXPECT_EQ(row.Limited + row.Merged + row.Lost, 0U);
    EXPECT_EQ(row.Registered, 1U);
    EXPECT_EQ(row.Status, STATUS_SUCCESS);
}

// Catches: a process's handle to itself, or to a thread of its own, that is an event.
TEST_F(HandleEvents, WhatAProcessDoesToItselfIsNone) {
    host::ThreadCreation thread;
    thread.pid = client_->pid();
    thread.tid = kTid + 100;
    thread.creator = client_->pid();
    activity_->create_thread(thread);
    pulled();
    const host::HandleResult self = client_->open_process(client_->pid(), kAllAccess);
    EXPECT_EQ(client_->granted(self), kAllAccess);
    EXPECT_EQ(client_->granted(client_->open_thread(thread.tid, kAllAccess)), kAllAccess);
    Client other(*host_);
    EXPECT_EQ((*host_)->duplicate_handle(client_->process(), self.handle, other.process()).status, STATUS_SUCCESS);
    EXPECT_TRUE(pulled().empty());
    EXPECT_EQ(health().Filtered, 3U);
}

// Catches: handles of the kernel that are seen: the driver's own to each new thread, for one.
TEST_F(HandleEvents, HandlesOfTheKernelAreNotSeen) {
    host::ThreadCreation thread;
    thread.pid = kTarget;
    thread.tid = kTid + 100;
    thread.creator = kTarget;
    thread.creator_tid = kTid;
    thread.start_address = 0x1000;
    activity_->create_thread(thread);
    const AEGIS_THREAD_PAYLOAD told = only_event().thread();
    EXPECT_NE(told.Flags & AEGIS_THREAD_ADDRESS_VALID, 0U) << "a handle was needed";
    EXPECT_EQ(health().Seen, 0U);
}

TEST_F(HandleEvents, AHandleThatIsNotMadeIsToldAsAnAttempt) {
    Client ending(*host_);
    const host::HandleResult handle = client_->open_process(kTarget, kTerminate);
    pulled();
    ending.exit();
    EXPECT_EQ((*host_)->duplicate_handle(client_->process(), handle.handle, ending.process()).status,
              STATUS_PROCESS_IS_TERMINATING);
    const std::vector<ProcessEvent> events = pulled();
    ASSERT_FALSE(events.empty());
    const AEGIS_HANDLE_PAYLOAD told = events.back().handle();
    EXPECT_EQ(told.OriginalAccess, kTerminate);
    EXPECT_EQ(told.GrantedAccess, 0U);
    EXPECT_EQ(told.Flags, 0U);
}

// Catches: masks that are added to the dangerous rights, or those of one type taken for the other.
TEST_F(HandleEvents, APolicysMasksDecide) {
    ASSERT_EQ(client_
                  ->set_policy(PolicyBuilder()
                                   .handles(AEGIS_HANDLE_PROCESS, kQueryLimited)
                                   .handles(AEGIS_HANDLE_PROCESS, kVmRead)
                                   .blob())
                  .status,
              STATUS_SUCCESS);
    client_->open_process(kTarget, kTerminate);
    EXPECT_TRUE(pulled().empty());
    client_->open_process(kTarget, kQueryLimited);
    client_->open_process(kTarget, kVmRead);
    // Of threads it says nothing.
    client_->open_thread(kTid, kTerminate);
    client_->open_thread(kTid, kQueryLimited);
    EXPECT_EQ(pulled().size(), 3U);
    // And with the policy its masks end.
    ASSERT_EQ(client_->close(), STATUS_SUCCESS);
    ASSERT_EQ(client_->open(), STATUS_SUCCESS);
    pulled();
    client_->open_process(kTarget, kQueryLimited);
    EXPECT_TRUE(pulled().empty());
    client_->open_process(kTarget, kTerminate);
    EXPECT_EQ(pulled().size(), 1U);
    EXPECT_EQ(health().Seen, 7U);
}

// Catches: a registration that gives up at once, or a name without the next altitude's last digit.
TEST_F(HandleEvents, WhereOthersAreTheNextAltitudeServes) {
    client_.reset();
    activity_.reset();
    host_.reset();
    host_ = std::make_unique<TestHost>();
    std::vector<PVOID> others;
    for (const char16_t* const altitude : {u"385000", u"385001"}) {
        OB_OPERATION_REGISTRATION operation{PsProcessType, OB_OPERATION_HANDLE_CREATE, &do_nothing, nullptr};
        OB_CALLBACK_REGISTRATION registration{OB_FLT_REGISTRATION_VERSION, 1, {}, nullptr, &operation};
        RtlInitUnicodeString(&registration.Altitude, reinterpret_cast<const WCHAR*>(altitude));
        ASSERT_EQ(ObRegisterCallbacks(&registration, &others.emplace_back()), STATUS_SUCCESS);
    }
    ASSERT_EQ(host_->load(), STATUS_SUCCESS);
    std::vector<std::string> lines;
    for (const DebugLine& line : host_->take_debug_lines()) {
        lines.push_back(line.text);
    }
    EXPECT_NE(std::find(lines.begin(), lines.end(),
                        "AegisMon: the handle sensor is at altitude 385002: others have those below"),
              lines.end());
    {
        Client client(*host_);
        ASSERT_EQ(client.open(), STATUS_SUCCESS);
        EXPECT_EQ(callback_row(*client.query().reply, AEGIS_CALLBACK_HANDLE).Registered, 1U);
    }
    for (const PVOID other : others) {
        ObUnRegisterCallbacks(other);
    }
}

// Catches: a driver that does not load, or that says it protects somebody.
TEST_F(HandleEvents, WithoutCallbacksTheDriverGoesOnAndProtectsNobody) {
    for (const char* const name : {"ObRegisterCallbacks", "ObUnRegisterCallbacks"}) {
        client_.reset();
        activity_.reset();
        host_.reset();
        host_ = std::make_unique<TestHost>(without(name));
        client_ = std::make_unique<Client>(*host_);
        ASSERT_EQ(host_->load(), STATUS_SUCCESS);
        ASSERT_EQ(client_->open(), STATUS_SUCCESS);
        EXPECT_EQ(health().Registered, 0U);
        EXPECT_EQ(health().Status, STATUS_PROCEDURE_NOT_FOUND);
        EXPECT_EQ(client_->protect(), STATUS_NOT_SUPPORTED);
        EXPECT_EQ(client_->set_policy(PolicyBuilder().protect(100, 1).blob()).status, STATUS_NOT_SUPPORTED);
        EXPECT_EQ(client_->set_policy(PolicyBuilder().handles(AEGIS_HANDLE_THREAD, 1).blob()).status, STATUS_SUCCESS);
        Client other(*host_);
        EXPECT_EQ(client_->open_process(other.pid(), kTerminate).status, STATUS_SUCCESS);
        EXPECT_TRUE(pulled().empty());
    }
}

// Catches: the time of the creation handed out as a start key.
TEST_F(HandleEvents, WithoutStartKeysTheCreationTimeServesAndIsMarked) {
    load(without("PsGetProcessStartKey"));
    client_->open_process(kTarget, kTerminate);
    const AEGIS_HANDLE_PAYLOAD told = only_event().handle();
    EXPECT_EQ(told.TargetKey, static_cast<std::uint64_t>(kActivityTime));
    EXPECT_EQ(told.Flags, AEGIS_HANDLE_KEY_IS_TIME | AEGIS_HANDLE_TARGET_KEY_IS_TIME | AEGIS_HANDLE_GRANTED_VALID);
}

}  // namespace
}  // namespace aegis::test
