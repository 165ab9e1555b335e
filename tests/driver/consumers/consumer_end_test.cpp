// How a consumer ends: teardown, last close in whichever process, exit of its owner. Each undoes the setup once, in
// the owner's address space; the verifier stops on anything else.

#include <gtest/gtest.h>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/kernel_view.hpp"

namespace aegis::test {
namespace {

class ConsumerEnd : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load_small(), STATUS_SUCCESS);
        ASSERT_EQ(observer_.open(FILE_READ_DATA), STATUS_SUCCESS);
        ASSERT_EQ(owner_.open(), STATUS_SUCCESS);
        event_ = owner_.create_event();
        setup_ = owner_.setup(event_.handle);
        ASSERT_EQ(setup_.status, STATUS_SUCCESS);
    }

    unsigned consumers() {
        unsigned count = 0;
        const auto result = observer_.query();
        for (const AEGIS_CONSUMER_INFO& row : result.reply->Consumers) {
            count += row.Transport == AEGIS_TRANSPORT_RING ? 1 : 0;
        }
        return count;
    }

    // Nothing of the consumer is left: no bell rings, a new one may come.
    void expect_gone() {
        EXPECT_EQ(consumers(), 0U);
        EXPECT_TRUE(owner_.mappings().empty());
        const std::uint64_t wakeups = observer_.query().reply->WakeupsSent;
        activity_.come_and_go(2);
        EXPECT_EQ(observer_.query().reply->WakeupsSent, wakeups);
    }

    TestHost host_;
    Activity activity_{host_};
    Client observer_{host_};
    Client owner_{host_};
    host::EventResult event_;
    SetupResult setup_{};
};

TEST_F(ConsumerEnd, ByTeardown) {
    consumer_page_of(setup_.reply)->WakeAt = 1;
    EXPECT_EQ(owner_.teardown(), STATUS_SUCCESS);
    expect_gone();
    EXPECT_FALSE(owner_.take_signal(event_));
}

TEST_F(ConsumerEnd, ByTheLastCloseInTheOwner) {
    EXPECT_EQ(owner_.close(), STATUS_SUCCESS);
    expect_gone();
    EXPECT_EQ(observer_.query().reply->Handles, 1U);
}

TEST_F(ConsumerEnd, NotByACloseThatIsNotTheLast) {
    Client other(host_);
    ASSERT_EQ(owner_.duplicate_to(other), STATUS_SUCCESS);
    EXPECT_EQ(owner_.close(), STATUS_SUCCESS);
    EXPECT_EQ(consumers(), 1U);
    EXPECT_EQ(owner_.mappings().size(), 2U);
    EXPECT_TRUE(other.mappings().empty());
    activity_.come_and_go(1);
    ring::Consumer<> consumer(ring_of(setup_.reply), {});
    EXPECT_EQ(drain(consumer).size(), 2U);
}

// Catches: unmapping in the process of the closer instead of the owner's.
TEST_F(ConsumerEnd, ByTheLastCloseInAnotherProcess) {
    Client other(host_);
    ASSERT_EQ(owner_.duplicate_to(other), STATUS_SUCCESS);
    ASSERT_EQ(owner_.close(), STATUS_SUCCESS);
    EXPECT_EQ(other.close(), STATUS_SUCCESS);
    expect_gone();
}

// The owner's own thread closes the last handle, which another process has: it is attached to that one then, so what it
// sees are not the owner's addresses. Catches: the thread's process taken for the one whose addresses it sees.
TEST_F(ConsumerEnd, ByTheLastCloseThatTheOwnerMakesInAnotherProcess) {
    Client other(host_);
    ASSERT_EQ(owner_.duplicate_to(other), STATUS_SUCCESS);
    ASSERT_EQ(owner_.close(), STATUS_SUCCESS);
    EXPECT_EQ(host_->close_from(owner_.process(), other.process(), other.device()), STATUS_SUCCESS);
    expect_gone();
}

// The other way round: a stranger's thread closes it, attached to the owner.
TEST_F(ConsumerEnd, ByTheLastCloseThatAnotherProcessMakesInTheOwner) {
    Client other(host_);
    EXPECT_EQ(host_->close_from(other.process(), owner_.process(), owner_.device()), STATUS_SUCCESS);
    expect_gone();
}

// A debugged process ends: its handles are closed by a thread of the debugger that is attached to it. The owner lives.
TEST_F(ConsumerEnd, ByTheEndOfADebuggedProcessThatHasTheLastHandle) {
    Client debugged(host_);
    Client debugger(host_);
    ASSERT_EQ(owner_.duplicate_to(debugged), STATUS_SUCCESS);
    ASSERT_EQ(owner_.close(), STATUS_SUCCESS);
    debugged.exit_from(debugger);
    expect_gone();
}

// The owner itself ends so, and its handle with it.
TEST_F(ConsumerEnd, ByTheEndOfADebuggedOwner) {
    Client debugger(host_);
    owner_.exit_from(debugger);
    expect_gone();
    EXPECT_EQ(observer_.query().reply->Handles, 1U);
}

TEST_F(ConsumerEnd, ByATeardownFromAnotherProcess) {
    Client other(host_);
    ASSERT_EQ(owner_.duplicate_to(other), STATUS_SUCCESS);
    EXPECT_EQ(other.teardown(), STATUS_SUCCESS);
    expect_gone();
    EXPECT_EQ(owner_.teardown(), STATUS_NOT_FOUND);
}

TEST_F(ConsumerEnd, ByTheExitOfTheOwner) {
    owner_.exit();
    expect_gone();
    EXPECT_EQ(observer_.query().reply->Handles, 1U);
}

// Catches: owner_exits() left out, or the wrong process asked for. The verifier stops at an address space that goes
// with a mapping in it.
TEST_F(ConsumerEnd, ByTheExitOfTheOwnerThoughItsHandleLivesOn) {
    Client other(host_);
    ASSERT_EQ(owner_.duplicate_to(other), STATUS_SUCCESS);
    owner_.exit();
    expect_gone();
    EXPECT_EQ(observer_.query().reply->Handles, 2U);
    // The handle itself goes on, and its new holder may become a consumer with it.
    EXPECT_EQ(other.teardown(), STATUS_NOT_FOUND);
    EXPECT_EQ(other.pull(1 << 20).status, STATUS_SUCCESS);
    EXPECT_EQ(other.setup().status, STATUS_SUCCESS);
    EXPECT_EQ(other.mappings().size(), 2U);
    other.exit();
    EXPECT_EQ(consumers(), 0U);
}

// Catches: owners that stay listed when their consumers have gone; the list then has no room for the next one.
TEST_F(ConsumerEnd, ByTheExitOfTheOwnerAfterAnyNumberOfOthers) {
    for (unsigned i = 0; i < 2 * AEGIS_MAX_HANDLES; ++i) {
        Client earlier(host_);
        ASSERT_EQ(earlier.open(), STATUS_SUCCESS);
        ASSERT_EQ(earlier.setup().status, STATUS_SUCCESS);
        ASSERT_EQ(earlier.teardown(), STATUS_SUCCESS);
    }
    Client late(host_);
    Client heir(host_);
    ASSERT_EQ(late.open(), STATUS_SUCCESS);
    ASSERT_EQ(late.setup().status, STATUS_SUCCESS);
    ASSERT_EQ(late.duplicate_to(heir), STATUS_SUCCESS);
    late.exit();
    EXPECT_TRUE(late.mappings().empty());
    EXPECT_EQ(consumers(), 1U);
}

// The owner's entry is nobody else's to remove, be its process older or younger.
// Catches: another entry of the list taken for the one that goes.
TEST_F(ConsumerEnd, ByTheExitOfTheOwnerThoughOthersEndedBefore) {
    Client younger(host_);
    for (Client* other : {&observer_, &younger}) {
        ASSERT_EQ(other->open(), STATUS_SUCCESS);
        ASSERT_EQ(other->setup().status, STATUS_SUCCESS);
        ASSERT_EQ(other->teardown(), STATUS_SUCCESS);
    }
    ASSERT_EQ(owner_.duplicate_to(younger), STATUS_SUCCESS);
    owner_.exit();
    expect_gone();
}

// Ownership is the process that sent the setup, not the one that opened the handle.
TEST_F(ConsumerEnd, NotByTheExitOfTheOpener) {
    Client opener(host_);
    Client user(host_);
    ASSERT_EQ(opener.open(), STATUS_SUCCESS);
    ASSERT_EQ(opener.duplicate_to(user), STATUS_SUCCESS);
    ASSERT_EQ(user.setup().status, STATUS_SUCCESS);
    opener.exit();
    EXPECT_EQ(consumers(), 2U);
    EXPECT_EQ(user.mappings().size(), 2U);
    user.exit();
    EXPECT_EQ(consumers(), 1U);
}

TEST_F(ConsumerEnd, AllOfAProcessAtItsExit) {
    Client other(host_);
    for (int i = 0; i < 4; ++i) {
        ASSERT_EQ(owner_.open(), STATUS_SUCCESS);
        ASSERT_EQ(owner_.setup().status, STATUS_SUCCESS);
        ASSERT_EQ(owner_.duplicate_to(other), STATUS_SUCCESS);
    }
    ASSERT_EQ(other.open(), STATUS_SUCCESS);
    ASSERT_EQ(other.setup().status, STATUS_SUCCESS);
    EXPECT_EQ(consumers(), 6U);
    owner_.exit();
    EXPECT_EQ(consumers(), 1U);
    EXPECT_EQ(other.mappings().size(), 2U);
}

TEST_F(ConsumerEnd, NotByTheExitOfAStranger) {
    Client stranger(host_);
    ASSERT_EQ(stranger.open(), STATUS_SUCCESS);
    stranger.exit();
    activity_.come_and_go(3);
    EXPECT_EQ(consumers(), 1U);
    EXPECT_EQ(owner_.mappings().size(), 2U);
}

// The file object may outlive its handles, as an IOCTL under way makes it; then its close comes later, and until then
// no setup may come back. Another driver's reference stands for the IOCTL here.
// Catches: cleaned_up not set or not looked at, the detach at cleanup instead left to close.
TEST_F(ConsumerEnd, AtCleanupThoughTheFileObjectLivesOn) {
    {
        const FileObjectRef reference(owner_);
        EXPECT_EQ(owner_.close(), STATUS_SUCCESS);
        expect_gone();
        EXPECT_EQ(observer_.query().reply->Handles, 2U);
    }
    EXPECT_EQ(observer_.query().reply->Handles, 1U);
}

// Catches: the event released before its bell (the verifier stops at a signal to an event that is gone).
TEST_F(ConsumerEnd, ABellThatIsDueAtTheEndHurtsNobody) {
    ASSERT_EQ(host_->close(owner_.process(), event_.handle), STATUS_SUCCESS);
    consumer_page_of(setup_.reply)->WakeAt = 0;
    EXPECT_EQ(owner_.teardown(), STATUS_SUCCESS);
    activity_.come_and_go(2);
    EXPECT_EQ(observer_.query().reply->WakeupsSent, 0U);
}

}  // namespace
}  // namespace aegis::test
