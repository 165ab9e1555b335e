// What a policy makes of threads.

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/policy_builder.hpp"

namespace aegis::test {
namespace {

constexpr std::uint32_t kPid = kFirstFreePid;
constexpr std::uint32_t kOther = kFirstFreePid + 100;

class ThreadPolicy : public testing::Test {
  protected:
    using Lines = std::vector<std::string>;

    void SetUp() override {
        ASSERT_EQ(host_.load(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(), STATUS_SUCCESS);
    }

    // After each test: everything seen became something.
    void TearDown() override {
        const AEGIS_CALLBACK_HEALTH all = row();
        EXPECT_EQ(all.Seen, all.Published + all.Filtered + all.Limited + all.Merged + all.Lost);
    }

    void set(const PolicyBuilder& builder) { ASSERT_EQ(client_.set_policy(builder.blob()).status, STATUS_SUCCESS); }
    AEGIS_CALLBACK_HEALTH row() { return callback_row(*client_.query().reply, AEGIS_CALLBACK_THREAD); }

    void start(std::uint32_t pid, std::uint32_t n, std::uint32_t creator, std::int64_t after = 0) {
        host::ThreadCreation thread;
        thread.pid = pid;
        thread.tid = pid + n;
        thread.creator = creator;
        thread.creator_tid = creator + 1;
        thread.timestamp = kActivityTime + after;
        activity_.create_thread(thread);
    }
    void end(std::uint32_t pid, std::uint32_t n) {
        activity_.exit_thread({.pid = pid, .tid = pid + n, .status = STATUS_SUCCESS, .timestamp = kActivityTime});
    }

    // Of threads: "start <n>", "first <n>", "end <n>"; "limited <count>".
    Lines told() {
        Lines lines;
        for (const ProcessEvent& event : events_in(client_.pull(1 << 20).bytes)) {
            if (event.header.Type == AEGIS_EVENT_SUPPRESSED) {
                AEGIS_SUPPRESSED_PAYLOAD note;
                std::memcpy(&note, &event.payload, sizeof(note));
                lines.push_back("limited " + std::to_string(note.Count));
            } else if (event.header.Type == AEGIS_EVENT_THREAD_CREATE || event.header.Type == AEGIS_EVENT_THREAD_EXIT) {
                const AEGIS_THREAD_PAYLOAD thread = event.thread();
                const bool first = (thread.Flags & AEGIS_THREAD_FIRST) != 0;
                const char* const what = event.header.Type == AEGIS_EVENT_THREAD_EXIT ? "end " : "start ";
                lines.push_back((first ? "first " : what) + std::to_string(thread.ThreadId - thread.ProcessId));
            }
        }
        return lines;
    }

    TestHost host_;
    Activity activity_{host_};
    Client client_{host_};
};

// Catches: a thread that asks nobody; one that asks for the other type.
TEST_F(ThreadPolicy, EachTypeHasItsDefaultAndItsOff) {
    set(PolicyBuilder().type(AEGIS_EVENT_THREAD_CREATE, kOff));
    start(kPid, 1, kPid);
    end(kPid, 1);
    EXPECT_EQ(told(), (Lines{"end 1"}));
    set(PolicyBuilder().type(AEGIS_EVENT_THREAD_EXIT, kDropByDefault));
    start(kPid, 2, kPid);
    end(kPid, 2);
    EXPECT_EQ(told(), (Lines{"start 2"}));
    EXPECT_EQ(row().Filtered, 2U);
}

TEST_F(ThreadPolicy, MoreThanTheTokensIsLimitedAndTold) {
    AEGIS_POLICY_TYPE type = kReportAll;
    type.TokensPerSecond = 1;
    type.Burst = 1;
    set(PolicyBuilder().type(AEGIS_EVENT_THREAD_CREATE, type));
    start(kPid, 1, kPid);
    start(kPid, 2, kPid);
    start(kPid, 3, kPid, 10'000'000);
    EXPECT_EQ(told(), (Lines{"start 1", "limited 1", "start 3"}));
    EXPECT_EQ(row().Limited, 1U);
}

// Catches: an exclusion that ends at the process's own events, or with the policy; a rule that drops the start of a
// process and its threads as well.
TEST_F(ThreadPolicy, AnExcludedImageIsSilentInItsThreadsToo) {
    set(PolicyBuilder().image(u"\\i").path(u"\\d", AEGIS_POLICY_DROP));
    activity_.create(kPid, u"\\i\\x");
    activity_.create(kOther, u"\\d\\x");
    start(kPid, 1, kPid);
    start(kOther, 2, kOther);
    set(PolicyBuilder());
    end(kPid, 1);
    end(kOther, 2);
    EXPECT_EQ(told(), (Lines{"start 2", "end 2"}));
    activity_.exit(kPid);
    start(kPid, 3, kPid);
    EXPECT_EQ(told(), (Lines{"start 3"})) << "the pid's next process";
}

// Catches: the second thread that is taken for the first, because that one was kept back.
TEST_F(ThreadPolicy, AFirstThreadThatIsKeptBackWasTheFirst) {
    set(PolicyBuilder().type(AEGIS_EVENT_THREAD_CREATE, kDropByDefault));
    activity_.create(kPid);
    start(kPid, 1, kOther);
    set(PolicyBuilder());
    start(kPid, 2, kOther);
    EXPECT_EQ(told(), (Lines{"start 2"}));
}

}  // namespace
}  // namespace aegis::test
