// What the process sensor tells of a process beside its start and its end.

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/policy_builder.hpp"

namespace aegis::test {
namespace {

constexpr std::uint32_t kPid = kFirstFreePid;
constexpr std::uint32_t kParent = kFirstFreePid + 0x100;
constexpr std::uint32_t kCreator = kFirstFreePid + 0x200;
// S-1-5-21-1-2-3-1000
constexpr std::array<unsigned char, 28> kSid = {1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0,    0, 1, 0,
                                                0, 0, 2, 0, 0, 0, 3, 0, 0,  0, 0xE8, 3, 0, 0};
constexpr std::size_t kSidUnits = kSid.size() / 2;
constexpr std::uint32_t kTokenFlags = AEGIS_DETAILS_TOKEN_VALID | AEGIS_DETAILS_INTEGRITY_VALID;

// A line of this many units, no two neighbours equal.
std::u16string line_of(std::size_t units) {
    std::u16string line;
    for (std::size_t i = 0; i < units; ++i) {
        line += static_cast<char16_t>(u'a' + i % 26);
    }
    return line;
}

std::u16string_view piece_of(const AEGIS_PROCESS_DETAILS_PAYLOAD& details) {
    return {reinterpret_cast<const char16_t*>(details.Text) + details.SidLength / 2, details.CommandLineLength};
}

class ProcessDetails : public testing::Test {
  protected:
    void load(host::ExecutiveOptions options = {}) {
        host_ = std::make_unique<TestHost>(std::move(options));
        ASSERT_EQ(host_->load(), STATUS_SUCCESS);
        client_ = std::make_unique<Client>(*host_);
        ASSERT_EQ(client_->open(), STATUS_SUCCESS);
    }
    void SetUp() override { load(); }
    void TearDown() override {
        client_.reset();
        host_.reset();
    }

    static host::ProcessCreation creation(std::u16string_view command_line = u"a.exe -x") {
        host::ProcessCreation creation;
        creation.pid = kPid;
        creation.parent = kParent;
        creation.creator = kCreator;
        creation.creator_tid = kCreator + 4;
        creation.image_path = u"\\Device\\a.exe";
        creation.command_line = command_line;
        creation.user = host::ProcessUser{
            .sid = kSid, .logon_id = 0x1234500067890, .session = 3, .integrity = 0x2000, .elevation = 3};
        creation.create_time = kActivityTime - 77;
        creation.timestamp = kActivityTime;
        return creation;
    }

    void create(const host::ProcessCreation& creation) { Activity(*host_).create(creation); }
    void exit(std::optional<NTSTATUS> status = std::nullopt) { Activity(*host_).exit(kPid, status); }
    std::vector<ProcessEvent> pulled() { return all_events_in(client_->pull(1 << 20).bytes); }
    AEGIS_PROCESS_DETAILS_PAYLOAD only_details() {
        const std::vector<AEGIS_PROCESS_DETAILS_PAYLOAD> details = details_of(pulled(), kPid);
        EXPECT_EQ(details.size(), 1U);
        return details.empty() ? AEGIS_PROCESS_DETAILS_PAYLOAD{} : details.front();
    }
    // Of the parent and the creator, which are known from then on.
    void make_ancestors() {
        for (const std::uint32_t pid : {kParent, kCreator}) {
            host::ProcessCreation ancestor = creation();
            ancestor.pid = pid;
            ancestor.create_time = kActivityTime - pid;
            create(ancestor);
        }
    }

    std::unique_ptr<TestHost> host_;
    std::unique_ptr<Client> client_;
};

// Catches: a field left out, or another's number in it; details behind their event, or of another time.
TEST_F(ProcessDetails, OfAStartComeRightBeforeItWithEveryField) {
    make_ancestors();
    const std::vector<ProcessEvent> ancestors = pulled();
    create(creation());
    const std::vector<ProcessEvent> events = pulled();
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].header.Type, AEGIS_EVENT_PROCESS_DETAILS);
    EXPECT_EQ(events[0].header.Size, AEGIS_DETAILS_EVENT_SIZE);
    EXPECT_EQ(events[1].header.Type, AEGIS_EVENT_PROCESS_CREATE);
    EXPECT_EQ(events[0].header.Sequence + 1, events[1].header.Sequence);
    EXPECT_EQ(events[0].header.Timestamp, events[1].header.Timestamp);
    const AEGIS_PROCESS_DETAILS_PAYLOAD details = events[0].details();
    EXPECT_EQ(details.ProcessId, kPid);
    EXPECT_EQ(details.SessionId, 3U);
    EXPECT_NE(details.ProcessKey, 0U);
    EXPECT_EQ(details.ParentKey, details_of(ancestors, kParent).at(0).ProcessKey);
    EXPECT_EQ(details.CreatorKey, details_of(ancestors, kCreator).at(0).ProcessKey);
    EXPECT_EQ(details.LogonId, 0x1234500067890U);
    EXPECT_EQ(details.CreationTime, kActivityTime - 77);
    EXPECT_EQ(details.CreatingThreadId, kCreator + 4);
    EXPECT_EQ(details.IntegrityLevel, 0x2000U);
    EXPECT_EQ(details.ExitStatus, 0);
    EXPECT_EQ(details.Flags, kTokenFlags | AEGIS_DETAILS_COMMAND_LINE_VALID);
    EXPECT_EQ(details.Kind, AEGIS_DETAILS_START);
    EXPECT_EQ(details.Part, 0);
    EXPECT_EQ(details.Parts, 1);
    EXPECT_EQ(details.Elevation, AEGIS_ELEVATION_LIMITED);
    ASSERT_EQ(details.SidLength, kSid.size());
    EXPECT_EQ(std::memcmp(details.Text, kSid.data(), kSid.size()), 0);
    EXPECT_EQ(details.CommandLineOffset, 0);
    EXPECT_EQ(details.CommandLineFullLength, 8);
    EXPECT_EQ(piece_of(details), u"a.exe -x");
}

// Catches: the process's thread, which on NT runs in the creator, asked in place of the process itself.
TEST_F(ProcessDetails, AreOfTheNewProcessAndNotOfItsCreator) {
    const std::array<unsigned char, 12> system = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
    host::ProcessCreation creator = creation();
    creator.pid = kCreator;
    creator.user->sid = system;
    create(creator);
    create(creation());
    const AEGIS_PROCESS_DETAILS_PAYLOAD details = only_details();
    EXPECT_EQ(details.SidLength, kSid.size());
    EXPECT_NE(details.ProcessKey, details.CreatorKey);
}

// Catches: a status before the process has ended; one that nobody knows told as 0; a command line of an exit.
TEST_F(ProcessDetails, OfAnExitCarryItsStatus) {
    create(creation());
    const AEGIS_PROCESS_DETAILS_PAYLOAD start = only_details();
    exit(static_cast<NTSTATUS>(0xC0000005));
    const std::vector<ProcessEvent> events = pulled();
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].header.Type, AEGIS_EVENT_PROCESS_DETAILS);
    EXPECT_EQ(events[1].header.Type, AEGIS_EVENT_PROCESS_EXIT);
    EXPECT_EQ(events[0].header.Timestamp, events[1].header.Timestamp);
    const AEGIS_PROCESS_DETAILS_PAYLOAD details = events[0].details();
    EXPECT_EQ(details.Kind, AEGIS_DETAILS_EXIT);
    EXPECT_EQ(details.Parts, 1);
    EXPECT_EQ(details.ProcessKey, start.ProcessKey);
    EXPECT_EQ(details.CreationTime, start.CreationTime);
    EXPECT_EQ(static_cast<std::uint32_t>(details.ExitStatus), 0xC0000005U);
    EXPECT_EQ(details.Flags, kTokenFlags | AEGIS_DETAILS_EXIT_STATUS_VALID);
    EXPECT_EQ(details.CommandLineFullLength, 0);

    create(creation());
    exit();
    const std::vector<AEGIS_PROCESS_DETAILS_PAYLOAD> again = details_of(pulled(), kPid);
    ASSERT_EQ(again.size(), 2U);
    EXPECT_EQ(again[1].Flags, kTokenFlags) << "nobody knows with what it ended";
    EXPECT_EQ(again[1].ExitStatus, 0);
    EXPECT_NE(again[0].ProcessKey, start.ProcessKey) << "another process with the same number";
}

// Each length around the end of a part. Catches: a unit lost, told twice or read beyond the line; a part too many; the
// SID told twice; fixed fields that differ from part to part.
TEST_F(ProcessDetails, ALongCommandLineTakesSeveralParts) {
    constexpr std::size_t kFirst = AEGIS_DETAILS_TEXT_REPORTED - kSidUnits;
    constexpr std::size_t kAll = kFirst + (AEGIS_DETAILS_PARTS_MAX - 1) * AEGIS_DETAILS_TEXT_REPORTED;
    const std::map<std::size_t, std::size_t> parts_by_units = {
        {0, 1},        {1, 1},          {kFirst - 1, 1},
        {kFirst, 1},   {kFirst + 1, 2}, {kFirst + AEGIS_DETAILS_TEXT_REPORTED, 2},
        {1000, 3},     {kAll - 1, 8},   {kAll, 8},
        {kAll + 1, 8}, {32767, 8}};
    for (const auto& [units, parts] : parts_by_units) {
        const std::u16string line = line_of(units);
        create(creation(line));
        const std::vector<ProcessEvent> events = pulled();
        ASSERT_EQ(events.size(), parts + 1) << units;
        std::u16string told;
        for (std::size_t part = 0; part < parts; ++part) {
            AEGIS_PROCESS_DETAILS_PAYLOAD details = events[part].details();
            EXPECT_EQ(details.Part, part) << units;
            EXPECT_EQ(details.Parts, parts) << units;
            EXPECT_EQ(details.SidLength, part == 0 ? kSid.size() : 0U) << units;
            EXPECT_EQ(details.CommandLineOffset, told.size()) << units;
            EXPECT_EQ(details.CommandLineFullLength, units);
            told += piece_of(details);
            AEGIS_PROCESS_DETAILS_PAYLOAD first = events[0].details();
            EXPECT_EQ(std::memcmp(&details, &first, offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, Part)), 0) << units;
        }
        EXPECT_EQ(told, line.substr(0, kAll)) << units;
        EXPECT_EQ(events.back().header.Type, AEGIS_EVENT_PROCESS_CREATE);
        exit();
        pulled();
    }
}

// Catches: bytes behind the text in the ring; text of a part that was longer left in the next one by the pull.
TEST_F(ProcessDetails, TheRingCarriesTheCompactForm) {
    const SetupResult setup = client_->setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    ring::Consumer<> consumer(ring_of(setup.reply), {});
    create(creation(u"abc"));
    create(creation(line_of(490)));
    exit();
    const std::vector<ProcessEvent> events = drain_all(consumer);
    ASSERT_EQ(events.size(), 7U);
    constexpr std::size_t kFixed = sizeof(AEGIS_EVENT_HEADER) + AEGIS_DETAILS_PAYLOAD_FIXED;
    EXPECT_EQ(events[0].header.Size, kFixed + kSid.size() + 6);
    EXPECT_EQ(events[2].header.Size, kFixed + AEGIS_DETAILS_TEXT_REPORTED * 2);
    EXPECT_EQ(events[3].header.Size, kFixed + (490 + kSidUnits - AEGIS_DETAILS_TEXT_REPORTED) * 2);
    EXPECT_EQ(events[5].header.Size, kFixed + kSid.size());
    const std::vector<ProcessEvent> full = pulled();
    ASSERT_EQ(full.size(), events.size());
    for (std::size_t i = 0; i < full.size(); ++i) {
        EXPECT_EQ(full[i].bytes, events[i].bytes) << i;
    }
}

TEST_F(ProcessDetails, WithoutACommandLineNoneIsTold) {
    host::ProcessCreation none = creation();
    none.command_line.reset();
    create(none);
    EXPECT_EQ(only_details().Flags, kTokenFlags);
    exit();
    pulled();
    create(creation(u""));
    const AEGIS_PROCESS_DETAILS_PAYLOAD empty = only_details();
    EXPECT_EQ(empty.Flags, kTokenFlags | AEGIS_DETAILS_COMMAND_LINE_VALID) << "there is one, and it is empty";
    EXPECT_EQ(empty.CommandLineFullLength, 0);
}

// What is not known is not told, and nothing else suffers.
TEST_F(ProcessDetails, WithoutIntegrityOrElevationTheRestIsTold) {
    host::ProcessCreation some = creation();
    some.user->integrity.reset();
    some.user->elevation.reset();
    create(some);
    const AEGIS_PROCESS_DETAILS_PAYLOAD details = only_details();
    EXPECT_EQ(details.Flags, AEGIS_DETAILS_TOKEN_VALID | AEGIS_DETAILS_COMMAND_LINE_VALID);
    EXPECT_EQ(details.IntegrityLevel, 0U);
    EXPECT_EQ(details.Elevation, 0);
    EXPECT_EQ(details.SessionId, 3U);
}

// A system that has neither start keys nor the exit status.
TEST_F(ProcessDetails, OnAnOldSystemTimesAreKeys) {
    TearDown();
    host::ExecutiveOptions options;
    options.other_exports["PsGetProcessStartKey"] = nullptr;
    options.other_exports["PsGetProcessExitStatus"] = nullptr;
    load(options);
    make_ancestors();
    pulled();
    create(creation());
    const AEGIS_PROCESS_DETAILS_PAYLOAD details = only_details();
    EXPECT_EQ(details.Flags, kTokenFlags | AEGIS_DETAILS_COMMAND_LINE_VALID | AEGIS_DETAILS_KEY_IS_TIME |
                                 AEGIS_DETAILS_PARENT_KEY_IS_TIME | AEGIS_DETAILS_CREATOR_KEY_IS_TIME);
    EXPECT_EQ(details.ProcessKey, static_cast<std::uint64_t>(details.CreationTime));
    EXPECT_EQ(details.ParentKey, static_cast<std::uint64_t>(kActivityTime - kParent));
    EXPECT_EQ(details.CreatorKey, static_cast<std::uint64_t>(kActivityTime - kCreator));
    exit(5);
    EXPECT_EQ(only_details().Flags, kTokenFlags | AEGIS_DETAILS_KEY_IS_TIME);
}

// Catches: details of what the policy keeps back, or none of what it refuses; details counted as things seen.
TEST_F(ProcessDetails, FollowTheVerdictOnTheirProcess) {
    ASSERT_EQ(client_->set_policy(PolicyBuilder().path(u"\\Device\\quiet", AEGIS_POLICY_DROP).blob()).status,
              STATUS_SUCCESS);
    host::ProcessCreation quiet = creation();
    quiet.image_path = u"\\Device\\quiet\\a.exe";
    create(quiet);
    EXPECT_TRUE(pulled().empty());
    exit();
    pulled();
    create(creation());
    exit();
    EXPECT_EQ(pulled().size(), 4U);
    const QueryResult result = client_->query();
    const AEGIS_CALLBACK_HEALTH& row = callback_row(*result.reply, AEGIS_CALLBACK_PROCESS);
    EXPECT_EQ(row.Seen, 4U);
    EXPECT_EQ(row.Seen, row.Published + row.Filtered + row.Limited + row.Merged + row.Lost);
}

// Many processes at once, each with several parts. Catches: parts of two mixed; a stack or a static shared by
// callbacks.
TEST_F(ProcessDetails, ConcurrentCallbacksMixNothing) {
    constexpr std::uint32_t kThreads = 4;
    constexpr std::uint32_t kEach = 50;
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            const std::u16string line(600, static_cast<char16_t>(u'a' + t));
            for (std::uint32_t i = 0; i < kEach; ++i) {
                host::ProcessCreation one = creation(line);
                one.pid = kPid + t * kEach + i;
                one.user->session = one.pid;
                create(one);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const std::vector<ProcessEvent> events = pulled();
    for (std::uint32_t i = 0; i < kThreads * kEach; ++i) {
        const std::vector<AEGIS_PROCESS_DETAILS_PAYLOAD> parts = details_of(events, kPid + i);
        ASSERT_EQ(parts.size(), 2U) << i;
        std::u16string told;
        for (const AEGIS_PROCESS_DETAILS_PAYLOAD& part : parts) {
            EXPECT_EQ(part.SessionId, kPid + i);
            EXPECT_EQ(part.CommandLineOffset, told.size());
            told += piece_of(part);
        }
        EXPECT_EQ(told, std::u16string(600, static_cast<char16_t>(u'a' + i / kEach)));
    }
}

}  // namespace
}  // namespace aegis::test
