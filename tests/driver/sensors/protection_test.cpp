// Processes that nobody may end, suspend or change: what is taken off handles to them, and off whose.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/kernel_view.hpp"
#include "driver/support/policy_builder.hpp"

namespace aegis::test {
namespace {

constexpr ACCESS_MASK kTerminate = 0x0001;
constexpr ACCESS_MASK kVmRead = 0x0010;
constexpr ACCESS_MASK kDupHandle = 0x0040;
constexpr ACCESS_MASK kAllAccess = 0x1FFFFF;
// Looking at them is left: read, query, wait.
constexpr ACCESS_MASK kLeftOfProcess = 0x1410 | READ_CONTROL | SYNCHRONIZE;
constexpr ACCESS_MASK kLeftOfThread = 0x0848 | READ_CONTROL | SYNCHRONIZE;
constexpr std::u16string_view kFriend = u"\\Device\\Friend.exe";

class Protection : public testing::Test {
  protected:
    void SetUp() override { load({}); }

    void load(host::ExecutiveOptions options) {
        reader_.reset();
        attacker_.reset();
        agent_.reset();
        host_.reset();
        host_ = std::make_unique<TestHost>(std::move(options));
        agent_ = std::make_unique<Client>(*host_);
        attacker_ = std::make_unique<Client>(*host_);
        reader_ = std::make_unique<Client>(*host_);
        ASSERT_EQ(host_->load(), STATUS_SUCCESS);
        ASSERT_EQ(agent_->open(), STATUS_SUCCESS);
        ASSERT_EQ(reader_->open(), STATUS_SUCCESS);
        agent_thread_ = agent_->pid() + 0x10000;
        host::ThreadCreation thread;
        thread.pid = agent_->pid();
        thread.tid = agent_thread_;
        thread.creator = agent_->pid();
        Activity(*host_).create_thread(thread);
        pulled();
    }

    std::vector<ProcessEvent> pulled() { return events_in(reader_->pull(1 << 20).bytes); }

    // What `opener` gets when it asks for everything.
    ACCESS_MASK all_of_agent(Client& opener) { return opener.granted(opener.open_process(agent_->pid(), kAllAccess)); }
    ACCESS_MASK all_of_its_thread(Client& opener) {
        return opener.granted(opener.open_thread(agent_thread_, kAllAccess));
    }

    // A process with this program.
    std::unique_ptr<Client> process_of(std::u16string_view image, bool is_protected = false) {
        auto process = std::make_unique<Client>(*host_);
        host::ProcessCreation creation;
        creation.pid = process->pid();
        creation.image_path = image;
        creation.is_protected = is_protected;
        (*host_)->raise_process_create(creation);
        pulled();
        return process;
    }

    std::uint64_t key_of_agent() {
        attacker_->open_process(agent_->pid(), kTerminate);
        const std::vector<ProcessEvent> events = pulled();
        return events.empty() ? 0 : events.back().handle().TargetKey;
    }

    std::unique_ptr<TestHost> host_;
    std::unique_ptr<Client> agent_;
    std::unique_ptr<Client> attacker_;
    std::unique_ptr<Client> reader_;
    std::uint32_t agent_thread_ = 0;
};

// Catches: a right that is left, or one too many that is taken; threads that are left out; an event without its flag.
TEST_F(Protection, NobodyGetsMoreThanALook) {
    EXPECT_EQ(all_of_agent(*attacker_), kAllAccess);
    ASSERT_EQ(agent_->protect(), STATUS_SUCCESS);
    EXPECT_EQ(all_of_agent(*attacker_), kLeftOfProcess);
    EXPECT_EQ(all_of_its_thread(*attacker_), kLeftOfThread);
    const std::vector<ProcessEvent> events = pulled();
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[0].handle().Flags, AEGIS_HANDLE_GRANTED_VALID);
    for (std::size_t i = 1; i < events.size(); ++i) {
        const AEGIS_HANDLE_PAYLOAD told = events[i].handle();
        EXPECT_EQ(told.Flags, AEGIS_HANDLE_STRIPPED | AEGIS_HANDLE_GRANTED_VALID);
        EXPECT_EQ(told.ProcessId, attacker_->pid());
        EXPECT_EQ(told.TargetProcessId, agent_->pid());
        EXPECT_EQ(told.OriginalAccess, kAllAccess);
        EXPECT_EQ(told.DesiredAccess, i == 1 ? kLeftOfProcess : kLeftOfThread);
        EXPECT_EQ(told.GrantedAccess, told.DesiredAccess);
    }
}

// Every right by itself. Catches: a mask that is a bit off; a look that is taken, or that is a stripping.
TEST_F(Protection, EachRightIsLeftOrTaken) {
    ASSERT_EQ(agent_->protect(), STATUS_SUCCESS);
    for (unsigned bit = 0; bit < 21; ++bit) {
        const ACCESS_MASK right = 1U << bit;
        EXPECT_EQ(attacker_->granted(attacker_->open_process(agent_->pid(), right)), right & kLeftOfProcess) << bit;
        EXPECT_EQ(attacker_->granted(attacker_->open_thread(agent_thread_, right)), right & kLeftOfThread) << bit;
        for (const ProcessEvent& event : pulled()) {
            const AEGIS_HANDLE_PAYLOAD told = event.handle();
            EXPECT_EQ((told.Flags & AEGIS_HANDLE_STRIPPED) != 0, told.DesiredAccess == 0) << bit;
        }
    }
}

TEST_F(Protection, TheProcessItselfGetsEverything) {
    ASSERT_EQ(agent_->protect(), STATUS_SUCCESS);
    EXPECT_EQ(all_of_agent(*agent_), kAllAccess);
    EXPECT_EQ(all_of_its_thread(*agent_), kAllAccess);
    EXPECT_TRUE(pulled().empty());
}

// What somebody had before is not taken away; but it cannot be handed on, not even to oneself.
// Catches: duplicates that are not looked at, by the caller's number or by that of the handle's owner.
TEST_F(Protection, ADuplicateGetsNoMore) {
    const host::HandleResult early = attacker_->open_process(agent_->pid(), kAllAccess);
    ASSERT_EQ(agent_->protect(), STATUS_SUCCESS);
    EXPECT_EQ(attacker_->granted(early), kAllAccess);
    const host::HandleResult copy =
        (*host_)->duplicate_handle(attacker_->process(), early.handle, attacker_->process());
    EXPECT_EQ(attacker_->granted(copy), kLeftOfProcess);
    // The pseudo handle of the agent, by way of a handle to it that may duplicate.
    const host::HandleResult by_pseudo =
        (*host_)->duplicate_between(attacker_->process(), early.handle, host::kCurrentProcess, host::kCurrentProcess);
    EXPECT_EQ(attacker_->granted(by_pseudo), kLeftOfProcess);
    // Now it does not even get that far.
    const host::HandleResult late = attacker_->open_process(agent_->pid(), kDupHandle | kVmRead);
    EXPECT_EQ(attacker_->granted(late), kVmRead);
    EXPECT_EQ((*host_)
                  ->duplicate_between(attacker_->process(), late.handle, host::kCurrentProcess, host::kCurrentProcess)
                  .status,
              STATUS_ACCESS_DENIED);
    // Its own handle to itself the agent may give to whom it likes.
    const host::HandleResult own = agent_->open_process(agent_->pid(), kAllAccess);
    const host::HandleResult gift = (*host_)->duplicate_handle(agent_->process(), own.handle, attacker_->process());
    EXPECT_EQ(attacker_->granted(gift), kAllAccess);
}

// Catches: exempt processes that are none, or none at all.
TEST_F(Protection, TheSystemAndItsProtectedProcessesAreExempt) {
    ASSERT_EQ(agent_->protect(), STATUS_SUCCESS);
    const auto system_like = process_of(u"\\Device\\HarddiskVolume3\\Windows\\System32\\csrss.exe", true);
    EXPECT_EQ(all_of_agent(*system_like), kAllAccess);
    const auto alike = process_of(u"\\Device\\HarddiskVolume3\\Windows\\System32\\csrss.exe");
    EXPECT_EQ(all_of_agent(*alike), kLeftOfProcess) << "a name is no proof";
    host::HandleOpen open;
    open.pid = 4;
    open.tid = 8;
    open.target = agent_->pid();
    open.access = kAllAccess;
    open.made = true;
    pulled();
    (*host_)->raise_handle_open(open);
    const std::vector<ProcessEvent> events = pulled();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].handle().GrantedAccess, kAllAccess);
}

// By the path of its program, below a folder as well, whatever else the policy says of that; as long as it is in force.
// Catches: a rule that excludes what it should allow; an exemption that outlives its policy.
TEST_F(Protection, AProgramThatThePolicyAllowsIsExempt) {
    ASSERT_EQ(agent_->protect(), STATUS_SUCCESS);
    const auto good = process_of(kFriend);
    const auto nested = process_of(u"\\Tools\\bin\\debugger.exe");
    EXPECT_EQ(all_of_agent(*good), kLeftOfProcess);
    ASSERT_EQ(agent_->set_policy(PolicyBuilder().allow(u"\\device\\FRIEND.exe").allow(u"\\Tools").blob()).status,
              STATUS_SUCCESS);
    EXPECT_EQ(all_of_agent(*good), kAllAccess);
    EXPECT_EQ(all_of_agent(*nested), kAllAccess);
    EXPECT_EQ(all_of_agent(*attacker_), kLeftOfProcess);
    EXPECT_EQ(agent_->get_policy().reply->Hits[0], 1U);
    EXPECT_EQ(agent_->get_policy().reply->Hits[1], 1U);
    // It is reported like others.
    pulled();
    Activity(*host_).create(kFirstFreePid, kFriend);
    EXPECT_EQ(pulled().size(), 1U);
    ASSERT_EQ(agent_->set_policy(PolicyBuilder().image(kFriend).blob()).status, STATUS_SUCCESS);
    EXPECT_EQ(all_of_agent(*good), kLeftOfProcess);
}

// Catches: a process that is taken for another one with its number.
TEST_F(Protection, APolicyProtectsByNumberAndKey) {
    const std::uint64_t key = key_of_agent();
    ASSERT_NE(key, 0U);
    ASSERT_EQ(reader_->set_policy(PolicyBuilder().protect(agent_->pid(), key + 1).blob()).status, STATUS_SUCCESS);
    EXPECT_EQ(all_of_agent(*attacker_), kAllAccess);
    ASSERT_EQ(reader_->set_policy(PolicyBuilder().protect(agent_->pid() + 1, key).blob()).status, STATUS_SUCCESS);
    EXPECT_EQ(all_of_agent(*attacker_), kAllAccess);
    ASSERT_EQ(reader_->set_policy(PolicyBuilder().protect(1, 1).protect(agent_->pid(), key).blob()).status,
              STATUS_SUCCESS);
    EXPECT_EQ(all_of_agent(*attacker_), kLeftOfProcess);
    EXPECT_EQ(reader_->get_policy().reply->Types[AEGIS_EVENT_HANDLE_OP].Refused, 1U);
    ASSERT_EQ(reader_->set_policy(PolicyBuilder().blob()).status, STATUS_SUCCESS);
    EXPECT_EQ(all_of_agent(*attacker_), kAllAccess);
}

// Catches: a stripping without an event, because of a mask.
TEST_F(Protection, AStrippingIsAnEventWhateverTheMasksSay) {
    ASSERT_EQ(agent_->protect(), STATUS_SUCCESS);
    ASSERT_EQ(agent_->set_policy(PolicyBuilder().handles(AEGIS_HANDLE_PROCESS, 0x1000).blob()).status, STATUS_SUCCESS);
    EXPECT_EQ(all_of_agent(*attacker_), kLeftOfProcess);
    const std::vector<ProcessEvent> events = pulled();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_NE(events[0].handle().Flags & AEGIS_HANDLE_STRIPPED, 0U);
}

TEST_F(Protection, EndsWithTheHandle) {
    ASSERT_EQ(agent_->protect(), STATUS_SUCCESS);
    ASSERT_EQ(agent_->close(), STATUS_SUCCESS);
    EXPECT_EQ(all_of_agent(*attacker_), kAllAccess);
}

// Two handles, two protections of one process. Catches: the one that ends taking the other along.
TEST_F(Protection, EachHandleProtectsByItself) {
    const host::ProcessHandle first = agent_->device();
    ASSERT_EQ(agent_->protect(), STATUS_SUCCESS);
    EXPECT_EQ(agent_->protect(), STATUS_ALREADY_REGISTERED);
    ASSERT_EQ(agent_->open(), STATUS_SUCCESS);
    ASSERT_EQ(agent_->protect(), STATUS_SUCCESS);
    EXPECT_EQ((*host_)->close(agent_->process(), first), STATUS_SUCCESS);
    EXPECT_EQ(all_of_agent(*attacker_), kLeftOfProcess);
    ASSERT_EQ(agent_->close(), STATUS_SUCCESS);
    EXPECT_EQ(all_of_agent(*attacker_), kAllAccess);
}

// The handle lives on in another process. Catches: a protection that lasts beyond its process, so that the heir cannot
// have one; one that goes on to the heir by itself.
TEST_F(Protection, EndsWithTheProcess) {
    ASSERT_EQ(agent_->protect(), STATUS_SUCCESS);
    Client heir(*host_);
    ASSERT_EQ(agent_->duplicate_to(heir), STATUS_SUCCESS);
    EXPECT_EQ(heir.protect(), STATUS_ALREADY_REGISTERED);
    agent_->exit();
    EXPECT_EQ(attacker_->granted(attacker_->open_process(heir.pid(), kAllAccess)), kAllAccess);
    EXPECT_EQ(heir.protect(), STATUS_SUCCESS);
    EXPECT_EQ(attacker_->granted(attacker_->open_process(heir.pid(), kAllAccess)), kLeftOfProcess);
}

// Passthrough. Catches: a driver that does not trust itself and takes rights away all the same.
TEST_F(Protection, ADriverThatHasFailedProtectsNobody) {
    ASSERT_EQ(agent_->protect(), STATUS_SUCCESS);
    ring_in_the_kernel(*host_, ring::cells_in_kib(AEGIS_RING_KIB_DEFAULT))->Identity.CellCount += 1;
    EXPECT_EQ(reader_->query().reply->State, AEGIS_RING_FAILED);
    EXPECT_EQ(all_of_agent(*attacker_), kAllAccess);
    ASSERT_EQ(attacker_->open(), STATUS_SUCCESS);
    EXPECT_EQ(attacker_->protect(), STATUS_DRIVER_INTERNAL_ERROR);
}

// Where the system cannot say who an opener is, it is nobody special. Catches: an exemption by default.
TEST_F(Protection, WhoIsNotKnownIsNotExempt) {
    for (const char* const name : {"PsIsProtectedProcess", "SeLocateProcessImageName"}) {
        host::ExecutiveOptions options;
        options.other_exports[name] = nullptr;
        load(std::move(options));
        ASSERT_EQ(agent_->protect(), STATUS_SUCCESS);
        ASSERT_EQ(agent_->set_policy(PolicyBuilder().allow(kFriend).blob()).status, STATUS_SUCCESS);
        const bool by_name = std::string(name) == "PsIsProtectedProcess";
        EXPECT_EQ(all_of_agent(*process_of(kFriend)), by_name ? kAllAccess : kLeftOfProcess);
        EXPECT_EQ(all_of_agent(*process_of(u"\\x", true)), by_name ? kLeftOfProcess : kAllAccess);
        // And where it fails to say who that is, or what program it runs.
        const auto good = process_of(kFriend);
        for (std::uint64_t call = 1; call <= 2; ++call) {
            (*host_)->faults().arm(call);
            EXPECT_EQ(all_of_agent(*good), kLeftOfProcess) << call;
            (*host_)->faults().reset();
        }
    }
}

TEST_F(Protection, IsForProcessesThatMayWriteToTheDevice) {
    Client reader(*host_);
    ASSERT_EQ(reader.open(FILE_READ_DATA), STATUS_SUCCESS);
    EXPECT_EQ(reader.protect(), STATUS_ACCESS_DENIED);
}

// As many as there may be handles. Catches: a place that is not given back, or given to two.
TEST_F(Protection, ThereIsAPlaceForEveryHandle) {
    std::vector<std::unique_ptr<Client>> agents;
    for (std::uint32_t i = 2; i < AEGIS_MAX_HANDLES; ++i) {
        agents.push_back(std::make_unique<Client>(*host_));
        ASSERT_EQ(agents.back()->open(), STATUS_SUCCESS);
        ASSERT_EQ(agents.back()->protect(), STATUS_SUCCESS);
    }
    for (const auto& agent : agents) {
        EXPECT_EQ(attacker_->granted(attacker_->open_process(agent->pid(), kTerminate)), 0U);
    }
    for (std::size_t i = 0; i < agents.size(); i += 2) {
        ASSERT_EQ(agents[i]->close(), STATUS_SUCCESS);
    }
    for (std::size_t i = 0; i < agents.size(); ++i) {
        EXPECT_EQ(attacker_->granted(attacker_->open_process(agents[i]->pid(), kTerminate)), i % 2 == 0 ? 1U : 0U);
    }
}

}  // namespace
}  // namespace aegis::test
