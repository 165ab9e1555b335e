// What a policy makes of processes: which become events, which are kept back and refused, and what the counters say.

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "driver/host/executive/parts.hpp"
#include "driver/policy/process_policy.hpp"
#include "driver/support/kernel_view.hpp"

namespace aegis::test {
namespace {

TEST_F(ProcessPolicy, WithoutOneEverythingIsReported) {
    EXPECT_EQ(start(1, u"\\a"), STATUS_SUCCESS);
    end(1);
    EXPECT_EQ(told(), (Lines{"start 1", "end 1"}));
    const AEGIS_GET_POLICY_REPLY reply = policy();
    AEGIS_GET_POLICY_REPLY expected{};
    expected.Version = AEGIS_CONTROL_VERSION;
    expected.Bytes = sizeof(expected);
    EXPECT_EQ(std::memcmp(&reply, &expected, sizeof(reply)), 0);
    EXPECT_EQ(reader_.query().reply->PolicyGeneration, 0U);
}

TEST_F(ProcessPolicy, ATypeThatIsOffIsFiltered) {
    set(PolicyBuilder().type(AEGIS_EVENT_PROCESS_CREATE, kOff));
    start(1, u"\\a");
    end(1);
    EXPECT_EQ(told(), (Lines{"end 1"}));
    set(PolicyBuilder().type(AEGIS_EVENT_PROCESS_EXIT, kOff));
    start(2, u"\\a");
    end(2);
    EXPECT_EQ(told(), (Lines{"start 2"}));
    EXPECT_EQ(row().Filtered, 2U);
    EXPECT_EQ(policy().Types[AEGIS_EVENT_PROCESS_EXIT].Filtered, 1U);
    EXPECT_EQ(policy().Types[AEGIS_EVENT_PROCESS_CREATE].Filtered, 0U) << "counts begin with each policy";
}

// Catches: an end whose start nobody saw; the other way round.
TEST_F(ProcessPolicy, AnEndGoesAsTheRuleSaidOfItsStart) {
    set(PolicyBuilder()
            .type(AEGIS_EVENT_PROCESS_CREATE, kDropByDefault)
            .type(AEGIS_EVENT_PROCESS_EXIT, kDropByDefault)
            .path(u"\\a", AEGIS_POLICY_REPORT)
            .path(u"\\a\\b", AEGIS_POLICY_DROP));
    start(1, u"\\A\\x");
    start(2, u"\\a\\B\\x");
    start(3, u"\\c");
    for (std::uint32_t n = 1; n <= 3; ++n) {
        end(n);
    }
    EXPECT_EQ(told(), (Lines{"start 1", "end 1"}));
    const AEGIS_GET_POLICY_REPLY reply = policy();
    EXPECT_EQ(reply.Rules, 2U);
    EXPECT_EQ(reply.Hits[0], 1U);
    EXPECT_EQ(reply.Hits[1], 1U);
    EXPECT_EQ(row().Filtered, 4U);
}

// Catches: a mark that the next process of the pid finds; one that survives in the image the process runs next.
TEST_F(ProcessPolicy, AMarkEndsWithItsProcess) {
    set(PolicyBuilder().path(u"\\a", AEGIS_POLICY_DROP));
    start(1, u"\\a");
    end(1);
    end(1);
    start(2, u"\\a");
    start(2, u"\\b");
    end(2);
    EXPECT_EQ(told(), (Lines{"end 1", "start 2", "end 2"}));
}

TEST_F(ProcessPolicy, AnExcludedImageIsSilentForItsLife) {
    set(PolicyBuilder().path(u"\\i\\x", AEGIS_POLICY_REPORT).image(u"\\i"));
    start(1, u"\\i\\x\\y");
    start(2, u"\\ii");
    // Decided once: another policy does not change it.
    set(PolicyBuilder());
    end(1);
    end(2);
    EXPECT_EQ(told(), (Lines{"start 2", "end 2"}));
    set(PolicyBuilder().path(u"\\p", AEGIS_POLICY_DROP).image(u"\\i"));
    start(3, u"\\i");
    EXPECT_EQ(policy().Hits[0], 0U);
    EXPECT_EQ(policy().Hits[1], 1U);
}

// Catches: a dot of a folder; an extension that is found in the middle of a name, or with its case; one that decides
// where a path does; the end of a process that goes another way than its start.
TEST_F(ProcessPolicy, AnExtensionDecidesWhereNoPathDoes) {
    set(PolicyBuilder()
            .path(u"\\a\\b", AEGIS_POLICY_REPORT)
            .extension(u"tmp", AEGIS_POLICY_DROP)
            .extension(u"e", AEGIS_POLICY_DROP));
    start(1, u"\\a\\x.TMP");
    start(2, u"\\a\\b\\x.tmp");
    start(3, u"\\a.tmp\\x");
    start(4, u"\\a\\x.tmp.y");
    start(5, u"\\a\\x.xe");
    start(6, u"\\a\\tmp");
    start(7, u"\\a\\.e");
    start(8, u"\\a\\x.");
    start(9, u"");
    for (std::uint32_t n = 1; n <= 9; ++n) {
        end(n);
    }
    EXPECT_EQ(told(), (Lines{"start 2", "start 3", "start 4", "start 5", "start 6", "start 8", "start 9", "end 2",
                             "end 3", "end 4", "end 5", "end 6", "end 8", "end 9"}));
    EXPECT_EQ(policy().Rules, 3U);
    EXPECT_EQ(policy().Hits[0], 1U);
    EXPECT_EQ(policy().Hits[1], 1U);
    EXPECT_EQ(policy().Hits[2], 1U);

    set(PolicyBuilder()
            .type(AEGIS_EVENT_PROCESS_CREATE, kDropByDefault)
            .type(AEGIS_EVENT_PROCESS_EXIT, kDropByDefault)
            .extension(u"exe", AEGIS_POLICY_REPORT)
            .image(u"\\i"));
    start(1, u"/a/x.exe");
    start(2, u"/a/x");
    start(3, u"/i/x.exe");
    for (std::uint32_t n = 1; n <= 3; ++n) {
        end(n);
    }
    EXPECT_EQ(told(), (Lines{"start 1", "end 1"}));
}

// Catches: a refusal that is dropped, or off, or excluded; another status; a rule's count.
TEST_F(ProcessPolicy, ARefusalIsAlwaysAnEvent) {
    for (const AEGIS_POLICY_TYPE& type : {kReportAll, kDropByDefault, kOff}) {
        set(PolicyBuilder()
                .type(AEGIS_EVENT_PROCESS_CREATE, type)
                .path(u"\\tmp\\x", AEGIS_POLICY_REFUSE)
                .path(u"\\tmp\\x\\ok", AEGIS_POLICY_REPORT)
                .image(u"\\tmp\\x\\i"));
        EXPECT_EQ(start(1, u"/tmp/x/a"), STATUS_ACCESS_DENIED);
        EXPECT_EQ(start(2, u"/tmp/x/i"), STATUS_ACCESS_DENIED);
        EXPECT_EQ(start(3, u"/tmp/xx"), STATUS_SUCCESS);
        EXPECT_EQ(start(4, u"/tmp/x/ok/a"), STATUS_SUCCESS);
        Lines expected{"refused 1", "refused 2"};
        if (type.Default == AEGIS_POLICY_REPORT) {
            expected.emplace_back("start 3");
        }
        if (type.Operations != 0) {
            expected.emplace_back("start 4");
        }
        EXPECT_EQ(told(), expected);
        EXPECT_EQ(policy().Types[AEGIS_EVENT_PROCESS_CREATE].Refused, 2U);
        EXPECT_EQ(policy().Hits[0], 2U);
        for (std::uint32_t n = 1; n <= 4; ++n) {
            end(n);
        }
        told();
    }
}

// Catches: an end of what never ran. The refused pid's next process is another one.
TEST_F(ProcessPolicy, WhatNeverStartedHasNoEnd) {
    set(PolicyBuilder().path(u"\\x", AEGIS_POLICY_REFUSE));
    EXPECT_EQ(start(1, u"\\x"), STATUS_ACCESS_DENIED);
    end(1);
    EXPECT_EQ(start(1, u"\\y"), STATUS_SUCCESS);
    end(1);
    EXPECT_EQ(told(), (Lines{"refused 1", "start 1", "end 1"}));
    EXPECT_EQ(row().Filtered, 1U);
}

// Catches: a status that is overwritten; a process refused by others reported as started, or with its end.
TEST_F(ProcessPolicy, AnyPartysRefusalWins) {
    const auto notify = [&](std::u16string path) {
        UNICODE_STRING name{static_cast<USHORT>(path.size() * 2), static_cast<USHORT>(path.size() * 2), path.data()};
        PS_CREATE_NOTIFY_INFO info{};
        info.Size = sizeof(info);
        info.ImageFileName = &name;
        info.CreationStatus = STATUS_QUOTA_EXCEEDED;
        const host::ProcessScope scope(client_.process(), KernelMode);
        host::executive_parts().notify.call_all(
            false,
            [&](PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine) {
                routine(IoGetCurrentProcess(), reinterpret_cast<HANDLE>(std::uintptr_t{kPid + 1}), &info);
            },
            [](PCREATE_PROCESS_NOTIFY_ROUTINE) {});
        return info.CreationStatus;
    };
    EXPECT_EQ(notify(u"\\a"), STATUS_QUOTA_EXCEEDED);
    end(1);
    EXPECT_EQ(told(), (Lines{"refused 1"}));
    set(PolicyBuilder().path(u"\\a", AEGIS_POLICY_REFUSE));
    EXPECT_EQ(notify(u"\\a"), STATUS_QUOTA_EXCEEDED);
    end(1);
    EXPECT_EQ(told(), (Lines{"refused 1"}));
}

// The system process starts what the machine needs. Catches: any exception missing or too wide.
TEST_F(ProcessPolicy, TheSystemProcessIsNeverRefused) {
    constexpr std::uint32_t kSystem = 4;
    set(PolicyBuilder().path(u"\\x", AEGIS_POLICY_REFUSE));
    EXPECT_EQ(start(1, u"\\x", kSystem), STATUS_SUCCESS);
    EXPECT_EQ(start(2, u"\\x", kSystem + 1), STATUS_ACCESS_DENIED);
    end(1);
    end(2);
    EXPECT_EQ(told(), (Lines{"start 1", "refused 2", "end 1"}));
}

// Catches: refusals or filters that outlive their handle; those that end with another.
TEST_F(ProcessPolicy, EverythingEndsWithTheHandleThatSetIt) {
    set(PolicyBuilder().type(AEGIS_EVENT_PROCESS_EXIT, kOff).path(u"\\x", AEGIS_POLICY_REFUSE));
    {
        Client other(host_);
        ASSERT_EQ(other.open(), STATUS_SUCCESS);
        EXPECT_EQ(other.close(), STATUS_SUCCESS);
    }
    EXPECT_EQ(start(1, u"\\x"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(client_.close(), STATUS_SUCCESS);
    EXPECT_EQ(start(2, u"\\x"), STATUS_SUCCESS);
    end(2);
    EXPECT_EQ(told(), (Lines{"refused 1", "start 2", "end 2"}));
    EXPECT_EQ(policy().Generation, 0U);
    EXPECT_EQ(policy().Rules, 0U);
}

// A duplicate keeps the handle open; the process's end closes it.
TEST_F(ProcessPolicy, TheLastCloseIsWhatCounts) {
    Client heir(host_);
    set(PolicyBuilder().path(u"\\x", AEGIS_POLICY_REFUSE));
    ASSERT_EQ(client_.duplicate_to(heir), STATUS_SUCCESS);
    client_.exit();
    EXPECT_EQ(start(1, u"\\x"), STATUS_ACCESS_DENIED);
    heir.exit();
    EXPECT_EQ(start(2, u"\\x"), STATUS_SUCCESS);
    told();
}

// One policy decides for every reader, so nobody changes another's. Catches: the second agent's that replaces the
// first's, with or without a word.
TEST_F(ProcessPolicy, AnotherHandleWaitsItsTurn) {
    set(PolicyBuilder().path(u"\\x", AEGIS_POLICY_DROP));
    Client other(host_);
    ASSERT_EQ(other.open(), STATUS_SUCCESS);
    EXPECT_EQ(other.set_policy(PolicyBuilder().blob()).status, STATUS_SHARING_VIOLATION);
    EXPECT_EQ(policy().Generation, 1U);
    EXPECT_EQ(client_.close(), STATUS_SUCCESS);
    EXPECT_EQ(other.set_policy(PolicyBuilder().blob()).status, STATUS_SUCCESS);
    EXPECT_EQ(policy().Generation, 2U);
    EXPECT_EQ(policy().OwnerProcessId, other.pid());
}

TEST_F(ProcessPolicy, TheReplySaysWhichPolicyItIs) {
    const std::vector<std::byte> blob = PolicyBuilder().path(u"\\x", AEGIS_POLICY_DROP).blob();
    const SetPolicyResult first = client_.set_policy(blob);
    const SetPolicyResult second = client_.set_policy(blob);
    EXPECT_EQ(first.information, sizeof(AEGIS_SET_POLICY_REPLY));
    EXPECT_EQ(first.reply.Version, AEGIS_CONTROL_VERSION);
    EXPECT_EQ(first.reply.Bytes, sizeof(AEGIS_SET_POLICY_REPLY));
    EXPECT_EQ(first.reply.Generation, 1U);
    EXPECT_EQ(second.reply.Generation, 2U);
    std::uint64_t digest = 0xCBF29CE484222325;
    for (const std::byte byte : blob) {
        digest = (digest ^ static_cast<std::uint64_t>(byte)) * 0x100000001B3;
    }
    EXPECT_EQ(first.reply.Digest, digest);
    EXPECT_EQ(second.reply.Digest, digest);
    const AEGIS_GET_POLICY_REPLY reply = policy();
    EXPECT_EQ(reply.Version, AEGIS_CONTROL_VERSION);
    EXPECT_EQ(reply.Bytes, sizeof(reply));
    EXPECT_EQ(reply.Generation, 2U);
    EXPECT_EQ(reply.Digest, digest);
    EXPECT_EQ(reply.OwnerProcessId, client_.pid());
    EXPECT_EQ(reply.Rules, 1U);
    EXPECT_GT(reply.SetTime, 0);
    EXPECT_EQ(reader_.query().reply->PolicyGeneration, 2U);
}

// Catches: a policy half replaced by one that is refused.
TEST_F(ProcessPolicy, ARefusedBlobChangesNothing) {
    set(PolicyBuilder().path(u"\\x", AEGIS_POLICY_REFUSE));
    std::vector<std::byte> broken = PolicyBuilder().path(u"\\y", AEGIS_POLICY_DROP).blob();
    broken.back() = std::byte{0};
    EXPECT_EQ(client_.set_policy(PolicyBuilder().path(u"\\y", AEGIS_POLICY_DROP).path(u"/Y", AEGIS_POLICY_DROP).blob())
                  .status,
              STATUS_OBJECT_NAME_COLLISION);
    EXPECT_EQ(client_.set_policy(PolicyBuilder().image(u"\\y").image(u"/Y").blob()).status,
              STATUS_OBJECT_NAME_COLLISION);
    EXPECT_EQ(client_.set_policy({}).status, STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(policy().Generation, 1U);
    EXPECT_EQ(start(1, u"\\x"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(start(2, u"\\y"), STATUS_SUCCESS);
}

TEST_F(ProcessPolicy, TheRequestItselfIsChecked) {
    const std::vector<std::byte> blob = PolicyBuilder().blob();
    AEGIS_SET_POLICY_REPLY reply{};
    const auto send = [&](std::uint32_t version, std::uint32_t bytes, std::size_t length, std::size_t room) {
        std::vector<std::byte> request(sizeof(AEGIS_SET_POLICY_REQUEST) + blob.size());
        const AEGIS_REQUEST_HEADER header{version, bytes};
        std::memcpy(request.data(), &header, sizeof(header));
        std::memcpy(request.data() + sizeof(header), blob.data(), blob.size());
        return client_
            .control(AEGIS_IOCTL_SET_POLICY, std::span(request).first(length),
                     std::as_writable_bytes(std::span(&reply, 1)).first(room))
            .status;
    };
    const auto whole = static_cast<std::uint32_t>(sizeof(AEGIS_SET_POLICY_REQUEST) + blob.size());
    EXPECT_EQ(send(AEGIS_CONTROL_VERSION, whole, 0, sizeof(reply)), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(send(AEGIS_CONTROL_VERSION, 7, 7, sizeof(reply)), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(send(AEGIS_CONTROL_VERSION + 1, whole, whole, sizeof(reply)), STATUS_REVISION_MISMATCH);
    EXPECT_EQ(send(AEGIS_CONTROL_VERSION, whole - 1, whole, sizeof(reply)), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(send(AEGIS_CONTROL_VERSION, whole, whole, sizeof(reply) - 1), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(policy().Generation, 0U);
    EXPECT_EQ(send(AEGIS_CONTROL_VERSION, whole, whole, sizeof(reply)), STATUS_SUCCESS);
}

// Setting needs the right to write, asking the right to read.
TEST_F(ProcessPolicy, EachRequestNeedsItsRight) {
    EXPECT_EQ(reader_.set_policy(PolicyBuilder().blob()).status, STATUS_ACCESS_DENIED);
    Client writer(host_);
    ASSERT_EQ(writer.open(FILE_WRITE_DATA), STATUS_SUCCESS);
    EXPECT_EQ(writer.set_policy(PolicyBuilder().blob()).status, STATUS_SUCCESS);
    EXPECT_EQ(writer.get_policy().status, STATUS_ACCESS_DENIED);
    std::vector<std::byte> small(sizeof(AEGIS_GET_POLICY_REPLY) - 1);
    EXPECT_EQ(reader_.control(AEGIS_IOCTL_GET_POLICY, bytes_of(make_request<AEGIS_GET_POLICY_REQUEST>()), small).status,
              STATUS_BUFFER_TOO_SMALL);
}

// Passthrough refuses nobody, and a policy that would decide nothing is not taken.
TEST_F(ProcessPolicy, ADriverThatFailedRefusesNobody) {
    Client consumer(host_);
    ASSERT_EQ(consumer.open(), STATUS_SUCCESS);
    set(PolicyBuilder().path(u"\\x", AEGIS_POLICY_REFUSE));
    EXPECT_EQ(start(1, u"\\x"), STATUS_ACCESS_DENIED);
    const SetupResult setup = consumer.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    ring_in_the_kernel(host_, setup.reply.CellCount)->WakeupsSent += 1;
    EXPECT_EQ(reader_.query().reply->State, AEGIS_RING_FAILED);
    EXPECT_EQ(start(2, u"\\x"), STATUS_SUCCESS);
    EXPECT_EQ(client_.set_policy(PolicyBuilder().blob()).status, STATUS_DRIVER_INTERNAL_ERROR);
    EXPECT_EQ(row().Lost, 1U);
}

// Its own load begins without a policy, and without what processes of the load before had.
TEST_F(ProcessPolicy, EachLoadBeginsWithoutOne) {
    set(PolicyBuilder().path(u"\\x", AEGIS_POLICY_DROP));
    start(1, u"\\x");
    client_.close();
    reader_.close();
    EXPECT_EQ(host_.unload(), host::UnloadResult::kUnloaded);
    ASSERT_EQ(host_.load(), STATUS_SUCCESS);
    ASSERT_EQ(client_.open(), STATUS_SUCCESS);
    ASSERT_EQ(reader_.open(FILE_READ_DATA), STATUS_SUCCESS);
    end(1);
    EXPECT_EQ(told(), (Lines{"end 1"}));
    EXPECT_EQ(client_.set_policy(PolicyBuilder().blob()).reply.Generation, 1U);
}

}  // namespace
}  // namespace aegis::test
