// What happens while a lock is held, and what must not wait for it: exits for the handle table's, publishers for a
// signal.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/kernel_calls.hpp"
#include "driver/support/kernel_view.hpp"

namespace aegis::test {
namespace {

using testing::_;
using testing::NiceMock;

// Only a driver that is wrong makes a test wait so long.
constexpr std::chrono::seconds kLimit{30};

// The driver's calls of one test, of all its threads, in the order in which they began.
class Heard {
  public:
    Heard() {
        ON_CALL(calls_, call(_)).WillByDefault([this](const std::string& name) {
            {
                const std::lock_guard lock(mutex_);
                names_.push_back(name);
            }
            changed_.notify_all();
            // Once, by the first to make the call.
            if (auto action = take_action(name)) {
                action();
            }
        });
    }

    // The first call of this name runs `action` before it does what it does.
    void at(const std::string& name, std::function<void()> action) {
        const std::lock_guard lock(mutex_);
        actions_[name] = std::move(action);
    }

    // Waits until one of `names` was heard `times` times; false at the limit.
    bool wait_for_any(std::initializer_list<const char*> names, std::ptrdiff_t times = 1) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, kLimit, [&] {
            return std::any_of(names.begin(), names.end(), [&](const char* name) {
                return std::count(names_.begin(), names_.end(), name) >= times;
            });
        });
    }

    std::ptrdiff_t count(const std::string& name) {
        const std::lock_guard lock(mutex_);
        return std::count(names_.begin(), names_.end(), name);
    }

    void forget() {
        const std::lock_guard lock(mutex_);
        names_.clear();
    }

  private:
    std::function<void()> take_action(const std::string& name) {
        const std::lock_guard lock(mutex_);
        const auto found = actions_.find(name);
        return found == actions_.end() ? nullptr : std::move(actions_.extract(found).mapped());
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> names_;
    std::map<std::string, std::function<void()>> actions_;
    NiceMock<KernelCalls> calls_;
};

// An action on a thread of its own, and whether it comes to its end while the caller waits for that.
class Meanwhile {
  public:
    explicit Meanwhile(std::function<void()> action)
        : thread_([this, action = std::move(action)] {
              action();
              const std::lock_guard lock(mutex_);
              done_ = true;
              ended_.notify_all();
          }) {}
    ~Meanwhile() { thread_.join(); }
    Meanwhile(const Meanwhile&) = delete;
    Meanwhile& operator=(const Meanwhile&) = delete;

    bool ends() {
        std::unique_lock lock(mutex_);
        return ended_.wait_for(lock, kLimit, [&] { return done_; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable ended_;
    bool done_ = false;
    std::thread thread_;
};

class LockOrder : public testing::Test {
  protected:
    void load(ULONG ring_kib) {
        ASSERT_EQ(host_.load(service_with_ring(ring_kib)), STATUS_SUCCESS);
        ASSERT_EQ(owner_.open(), STATUS_SUCCESS);
        ASSERT_EQ(owner_.duplicate_to(other_), STATUS_SUCCESS);
        event_ = owner_.create_event();
        setup_ = owner_.setup(event_.handle);
        ASSERT_EQ(setup_.status, STATUS_SUCCESS);
    }

    void arm() {
        reinterpret_cast<std::atomic<std::uint64_t>*>(&consumer_page_of(setup_.reply)->WakeAt)
            ->store(1, std::memory_order_relaxed);
    }

    TestHost host_;
    Client owner_{host_};
    Client other_{host_};
    host::EventResult event_;
    SetupResult setup_{};
};

// However many consumers there are, a process that owns none takes no lock when it ends.
// Catches: the lock taken before owners are looked at; owners that are asked for by count only.
TEST_F(LockOrder, AnExitThatIsNoOwnersTakesNoLock) {
    load(64);
    Activity activity(host_);
    Heard heard;
    activity.come_and_go(3);
    // Older than the owner, too.
    activity.exit(8);
    EXPECT_EQ(heard.count("ExAcquireFastMutex"), 0);
    EXPECT_GT(heard.count("KeAcquireInStackQueuedSpinLock"), 0) << "nothing was heard at all";
    owner_.exit();
    EXPECT_GT(heard.count("ExAcquireFastMutex"), 0);
    EXPECT_TRUE(owner_.mappings().empty());
}

// It ends while memory is mapped or unmapped under that lock.
TEST_F(LockOrder, AnExitThatIsNoOwnersDoesNotWaitForAnUnmap) {
    load(64);
    bool ended = false;
    Heard heard;
    heard.at("MmUnmapLockedPages", [&] {
        Meanwhile exits([&] { Activity(host_).come_and_go(1); });
        ended = exits.ends();
    });
    EXPECT_EQ(owner_.teardown(), STATUS_SUCCESS);
    EXPECT_TRUE(ended);
}

// A signal takes as long as the event has waiters. Whoever publishes meanwhile does not wait for it, and whoever gives
// it is not preempted. Catches: KeSetEvent under the publish lock, or at the caller's own IRQL.
TEST_F(LockOrder, ASignalHoldsUpNoPublisher) {
    load(64);
    arm();
    bool published = false;
    KIRQL irql = PASSIVE_LEVEL;
    Heard heard;
    heard.at("KeSetEvent", [&] {
        irql = KeGetCurrentIrql();
        Meanwhile other([&] { Activity(host_).come_and_go(1); });
        published = other.ends();
    });
    Activity(host_).create(kFirstFreePid + 400);
    EXPECT_TRUE(published);
    EXPECT_EQ(irql, DISPATCH_LEVEL);
    EXPECT_EQ(heard.count("KeSetEvent"), 1);
    EXPECT_TRUE(owner_.take_signal(event_));
    EXPECT_EQ(owner_.query().reply->WakeupsSent, 1U);
    EXPECT_EQ(owner_.query().reply->Consumers[0].Wakeups, 1U);
}

// A bell was taken down for a consumer that leaves before it is signalled: its event stays until then.
// Catches: remove_doorbell() that does not wait for signals to come, a signal that is not announced under the lock.
TEST_F(LockOrder, AConsumerLeavesAfterASignalThatIsDue) {
    load(64);
    arm();
    ASSERT_EQ(host_->close(owner_.process(), event_.handle), STATUS_SUCCESS);
    std::unique_ptr<Meanwhile> teardown;
    Heard heard;
    heard.at("KeSetEvent", [&] {
        teardown = std::make_unique<Meanwhile>([&] { EXPECT_EQ(owner_.teardown(), STATUS_SUCCESS); });
        EXPECT_TRUE(heard.wait_for_any({"ExWaitForRundownProtectionRelease", "MmUnmapLockedPages"}));
        EXPECT_EQ(heard.count("MmUnmapLockedPages"), 0);
        EXPECT_EQ(heard.count("ObfDereferenceObject"), 0);
    });
    Activity(host_).create(kFirstFreePid);
    ASSERT_NE(teardown, nullptr);
    EXPECT_TRUE(teardown->ends());
    EXPECT_EQ(heard.count("MmUnmapLockedPages"), 2);
    EXPECT_TRUE(owner_.mappings().empty());
}

// The end of the channel wakes in the same way, be it closed or broken.
TEST_F(LockOrder, TheSignalsOfAFailureHoldUpNoPublisher) {
    load(64);
    reinterpret_cast<std::atomic<std::uint64_t>*>(&consumer_page_of(setup_.reply)->WakeAt)->store(1000);
    ring_in_the_kernel(host_, kSmallRingCells)->Identity.Magic = 0;
    bool published = false;
    Heard heard;
    heard.at("KeSetEvent", [&] {
        Meanwhile other([&] { Activity(host_).come_and_go(1); });
        published = other.ends();
    });
    EXPECT_EQ(owner_.query().reply->State, AEGIS_RING_FAILED);
    EXPECT_TRUE(published);
    EXPECT_TRUE(owner_.take_signal(event_));
}

// Prints how long the handle table's lock is held for the largest ring, which is what docs/driver.md says.
TEST_F(LockOrder, EveryHoldOfTheTablesLockEnds) {
    using Clock = std::chrono::steady_clock;
    load(AEGIS_RING_KIB_MAX);
    Clock::time_point begin;
    std::map<std::string, Clock::duration> longest;
    std::string what;
    int open_holds = 0;
    NiceMock<KernelCalls> calls;
    ON_CALL(calls, call(_)).WillByDefault([&](const std::string& name) {
        if (name == "ExAcquireFastMutex") {
            ++open_holds;
            begin = Clock::now();
        } else if (name == "ExReleaseFastMutex") {
            --open_holds;
            longest[what] = std::max(longest[what], Clock::now() - begin);
        }
    });
    for (int round = 0; round < 20; ++round) {
        what = "teardown";
        ASSERT_EQ(owner_.teardown(), STATUS_SUCCESS);
        what = "setup";
        ASSERT_EQ(owner_.setup(event_.handle).status, STATUS_SUCCESS);
        what = "exit of another process";
        Activity(host_).come_and_go(10);
        ASSERT_EQ(open_holds, 0);
    }
    EXPECT_FALSE(longest.contains("exit of another process"));
    for (const auto& [name, hold] : longest) {
        std::printf("longest hold of the handle table's lock: %s %.0f us\n", name.c_str(),
                    std::chrono::duration<double, std::micro>(hold).count());
    }
}

}  // namespace
}  // namespace aegis::test
