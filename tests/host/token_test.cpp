// Primary tokens, what NT tells of them, and with what a process ended.
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include "driver/host/executive/processes/thread_routines.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

constexpr std::uint32_t kPid = 0x00800010;
constexpr std::array<unsigned char, 16> kSid = {1, 2, 0, 0, 0, 0, 0, 22, 1, 0, 0, 0, 0xE8, 3, 0, 0};

// What the routine does; set while it is not registered.
std::function<void(PEPROCESS, PPS_CREATE_NOTIFY_INFO)>& hook() {
    static std::function<void(PEPROCESS, PPS_CREATE_NOTIFY_INFO)> called;
    return called;
}

void NTAPI routine(PEPROCESS process, HANDLE, PPS_CREATE_NOTIFY_INFO info) {
    hook()(process, info);
}

class Tokens : public ExecutiveTest {
  protected:
    // Has the driver do this with each process that begins or ends.
    void watch(std::function<void(PEPROCESS, PPS_CREATE_NOTIFY_INFO)> called) {
        hook() = std::move(called);
        ASSERT_EQ(PsSetCreateProcessNotifyRoutineEx(&routine, FALSE), STATUS_SUCCESS);
    }
    void TearDown() override {
        if (hook()) {
            PsSetCreateProcessNotifyRoutineEx(&routine, TRUE);
        }
        hook() = nullptr;
    }

    static host::ProcessCreation creation() {
        host::ProcessCreation creation;
        creation.pid = kPid;
        creation.creator = 7;
        creation.user =
            host::ProcessUser{.sid = kSid, .logon_id = 0x500000006, .session = 9, .integrity = 0x3000, .elevation = 2};
        creation.create_time = 11;
        creation.timestamp = 22;
        return creation;
    }
    // Runs `action` with a referenced token of the process.
    void with_token(const std::function<void(PACCESS_TOKEN)>& action) {
        watch([&](PEPROCESS process, PPS_CREATE_NOTIFY_INFO) {
            const PACCESS_TOKEN token = PsReferencePrimaryToken(process);
            action(token);
            PsDereferencePrimaryToken(token);
        });
        executive().raise_process_create(creation());
    }
};

// Catches: a field of one token told of another; memory in place of a number, and the other way round.
TEST_F(Tokens, SayWhatTheSourceOfTheProcessSaid) {
    with_token([](PACCESS_TOKEN token) {
        PVOID user = nullptr;
        ASSERT_EQ(SeQueryInformationToken(token, TokenUser, &user), STATUS_SUCCESS);
        const PSID sid = static_cast<TOKEN_USER*>(user)->User.Sid;
        ASSERT_EQ(RtlLengthSid(sid), kSid.size());
        EXPECT_EQ(std::memcmp(sid, kSid.data(), kSid.size()), 0);
        ExFreePoolWithTag(user, 0);
        PVOID integrity = nullptr;
        ASSERT_EQ(SeQueryInformationToken(token, TokenIntegrityLevel, &integrity), STATUS_SUCCESS);
        EXPECT_EQ(reinterpret_cast<ULONG_PTR>(integrity), 0x3000U);
        PVOID elevation = nullptr;
        ASSERT_EQ(SeQueryInformationToken(token, TokenElevationType, &elevation), STATUS_SUCCESS);
        EXPECT_EQ(*static_cast<ULONG*>(elevation), 2U);
        ExFreePoolWithTag(elevation, 0);
        LUID logon{};
        EXPECT_EQ(SeQueryAuthenticationIdToken(token, &logon), STATUS_SUCCESS);
        EXPECT_EQ(logon.LowPart, 6U);
        EXPECT_EQ(logon.HighPart, 5);
        ULONG session = 0;
        EXPECT_EQ(SeQuerySessionIdToken(token, &session), STATUS_SUCCESS);
        EXPECT_EQ(session, 9U);
        PVOID other = nullptr;
        EXPECT_EQ(SeQueryInformationToken(token, static_cast<TOKEN_INFORMATION_CLASS>(2), &other),
                  STATUS_INVALID_INFO_CLASS);
    });
}

TEST_F(Tokens, OfAClientAreThoseOfItsAccount) {
    with_token([](PACCESS_TOKEN) {});
    const host::ProcessRef system = client(0x00900000, host::Account::kSystem);
    const host::ProcessScope scope(*system, KernelMode);
    const PACCESS_TOKEN token = PsReferencePrimaryToken(IoGetCurrentProcess());
    LUID logon{};
    EXPECT_EQ(SeQueryAuthenticationIdToken(token, &logon), STATUS_SUCCESS);
    EXPECT_EQ(logon.LowPart, 0x3E7U);
    PsDereferencePrimaryToken(token);
}

// Catches: a user that is made up where a real machine is watched.
TEST(TokensOfNobody, SayNothing) {
    host::ExecutiveOptions options;
    options.invent_users = false;
    const host::Executive executive(std::move(options));
    const PACCESS_TOKEN token = PsReferencePrimaryToken(PsInitialSystemProcess);
    PVOID information = nullptr;
    for (const TOKEN_INFORMATION_CLASS piece : {TokenUser, TokenElevationType, TokenIntegrityLevel}) {
        EXPECT_EQ(SeQueryInformationToken(token, piece, &information), STATUS_NOT_FOUND);
        EXPECT_EQ(information, nullptr);
    }
    PsDereferencePrimaryToken(token);
}

TEST_F(Tokens, EachQueryCanFail) {
    with_token([this](PACCESS_TOKEN token) {
        PVOID information = nullptr;
        ULONG session = 0;
        LUID logon{};
        executive().faults().arm(1);
        EXPECT_EQ(SeQueryInformationToken(token, TokenUser, &information), STATUS_INSUFFICIENT_RESOURCES);
        EXPECT_EQ(information, nullptr);
        executive().faults().arm(1);
        EXPECT_FALSE(NT_SUCCESS(SeQueryAuthenticationIdToken(token, &logon)));
        executive().faults().arm(1);
        EXPECT_FALSE(NT_SUCCESS(SeQuerySessionIdToken(token, &session)));
        executive().faults().reset();
    });
}

TEST_F(Tokens, StopWhenAReferenceIsLeftAtUnload) {
    AEGIS_EXPECT_STOP(
        {
            in_driver([] { PsReferencePrimaryToken(PsInitialSystemProcess); });
            executive().unload_driver();
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "1 reference\\(s\\) to token");
}

TEST_F(Tokens, StopWhenTheirMemoryIsLeftAtUnload) {
    AEGIS_EXPECT_STOP(
        {
            in_driver([] {
                const PACCESS_TOKEN token = PsReferencePrimaryToken(PsInitialSystemProcess);
                PVOID user = nullptr;
                SeQueryInformationToken(token, TokenUser, &user);
                PsDereferencePrimaryToken(token);
            });
            executive().unload_driver();
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "pool block .* with tag 'SeTi'");
}

TEST_F(Tokens, StopWhenTheirMemoryIsFreedWithAnotherTag) {
    AEGIS_EXPECT_STOP(with_token([](PACCESS_TOKEN token) {
                          PVOID user = nullptr;
                          SeQueryInformationToken(token, TokenUser, &user);
                          ExFreePoolWithTag(user, kTag);
                      }),
                      "BAD_POOL_CALLER", "with tag 'SeTi' freed with tag 'Test'");
}

// Tag 0 frees what NT has allocated, not what the driver has.
TEST_F(Tokens, StopWhenTheDriversOwnMemoryIsFreedWithoutItsTag) {
    AEGIS_EXPECT_STOP(ExFreePoolWithTag(ExAllocatePoolWithTag(NonPagedPoolNx, 8, kTag), 0), "BAD_POOL_CALLER",
                      "with tag 'Test' freed with tag");
}

TEST_F(Tokens, StopWhenAReferenceIsTakenAwayTwice) {
    AEGIS_EXPECT_STOP(with_token([](PACCESS_TOKEN token) { PsDereferencePrimaryToken(token); }), "REFERENCE_BY_POINTER",
                      "PsDereferencePrimaryToken of .*, to which there is no reference");
}

TEST_F(Tokens, StopWhenOneIsAskedWithoutAReference) {
    AEGIS_EXPECT_STOP(with_token([](PACCESS_TOKEN token) {
                          PsDereferencePrimaryToken(token);
                          ULONG session = 0;
                          SeQuerySessionIdToken(token, &session);
                      }),
                      "REFERENCE_BY_POINTER", "SeQuerySessionIdToken of .*, which is no token with a reference");
}

TEST_F(Tokens, StopWhenTheyAreAskedAboveTheirLevel) {
    const auto at_apc_level = [this](const std::function<void(PACCESS_TOKEN)>& action) {
        with_token([&](PACCESS_TOKEN token) {
            FAST_MUTEX mutex;
            ExInitializeFastMutex(&mutex);
            ExAcquireFastMutex(&mutex);
            action(token);
        });
    };
    AEGIS_EXPECT_STOP(at_apc_level([](PACCESS_TOKEN token) {
                          PVOID user = nullptr;
                          SeQueryInformationToken(token, TokenUser, &user);
                      }),
                      "IRQL_NOT_LESS_OR_EQUAL", "SeQueryInformationToken called at IRQL 1");
    AEGIS_EXPECT_STOP(at_apc_level([](PACCESS_TOKEN) { PsReferencePrimaryToken(PsInitialSystemProcess); }),
                      "IRQL_NOT_LESS_OR_EQUAL", "PsReferencePrimaryToken called at IRQL 1");
}

TEST_F(Tokens, StopWhenTheProcessIsNone) {
    AEGIS_EXPECT_STOP(with_token([](PACCESS_TOKEN token) { PsReferencePrimaryToken(static_cast<PEPROCESS>(token)); }),
                      "REFERENCE_BY_POINTER", "PsReferencePrimaryToken of .*, which is no process");
}

// Catches: a status before the end, one that another process has left, and one that nobody knows told as success.
TEST_F(Tokens, AProcessHasAnExitStatusOnceItHasEnded) {
    std::vector<NTSTATUS> statuses;
    watch([&](PEPROCESS process, PPS_CREATE_NOTIFY_INFO) { statuses.push_back(PsGetProcessExitStatus(process)); });
    executive().raise_process_create(creation());
    executive().raise_process_exit(kPid, 33, 5);
    executive().raise_process_create(creation());
    executive().raise_process_exit(kPid, 33);
    EXPECT_EQ(statuses, (std::vector<NTSTATUS>{STATUS_PENDING, 5, STATUS_PENDING, STATUS_PENDING}));
}

TEST_F(Tokens, AProcessWasCreatedWhenItsSourceSays) {
    std::vector<LONGLONG> times;
    watch([&](PEPROCESS process, PPS_CREATE_NOTIFY_INFO) { times.push_back(PsGetProcessCreateTimeQuadPart(process)); });
    executive().raise_process_create(creation());
    host::ProcessCreation unknown = creation();
    unknown.pid = kPid + 4;
    unknown.create_time = 0;
    executive().raise_process_create(unknown);
    EXPECT_EQ(times, (std::vector<LONGLONG>{11, 22}));
}

}  // namespace
}  // namespace aegis::test
