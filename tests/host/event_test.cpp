// Events: of the driver's own, and those that clients have a descriptor of.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <thread>
#include <vector>

#include "driver/host/unique_fd.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

bool readable(int descriptor) {
    pollfd entry{descriptor, POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

NTSTATUS poll_once(PRKEVENT event) {
    LARGE_INTEGER none{};
    return KeWaitForSingleObject(event, Executive, KernelMode, FALSE, &none);
}

// The KEVENT behind a client's handle, referenced.
PRKEVENT reference(const host::ProcessRef& process, host::ProcessHandle handle) {
    const host::ProcessScope scope(*process, UserMode);
    PVOID object = nullptr;
    EXPECT_EQ(ObReferenceObjectByHandle(reinterpret_cast<HANDLE>(handle), EVENT_MODIFY_STATE, *ExEventObjectType,
                                        UserMode, &object, nullptr),
              STATUS_SUCCESS);
    return static_cast<PRKEVENT>(object);
}

class Event : public ExecutiveTest {
  protected:
    // One client with one event, as the driver signals it.
    void SetUp() override { create(SynchronizationEvent); }
    void TearDown() override { ObDereferenceObject(event_); }

    void create(EVENT_TYPE type) {
        if (event_ != nullptr) {
            ObDereferenceObject(event_);
        }
        const host::EventResult result = executive().create_event(*process_, type, false);
        ASSERT_EQ(result.status, STATUS_SUCCESS);
        handle_ = result.handle;
        descriptor_ = result.descriptor;
        event_ = reference(process_, handle_);
    }

    // Signals so many times on a thread of its own; false when that does not come back.
    bool signalling_returns(int times = 1) {
        auto returned = std::make_shared<std::atomic<bool>>(false);
        std::thread([event = event_, times, returned] {
            for (int signal = 0; signal < times; ++signal) {
                KeSetEvent(event, 0, FALSE);
            }
            returned->store(true);
        }).detach();
        for (int waited = 0; waited < 10'000 && !returned->load(); ++waited) {
            ::usleep(1000);
        }
        return returned->load();
    }

    host::ProcessRef process_ = client(100);
    host::ProcessHandle handle_ = 0;
    int descriptor_ = -1;
    PRKEVENT event_ = nullptr;
};

// Catches: a manual-reset event that a wait resets; an auto-reset event that it does not.
TEST_F(Event, InDriverMemory) {
    KEVENT manual;
    KeInitializeEvent(&manual, NotificationEvent, FALSE);
    KEVENT automatic;
    KeInitializeEvent(&automatic, SynchronizationEvent, TRUE);
    EXPECT_EQ(poll_once(&manual), STATUS_TIMEOUT);
    EXPECT_EQ(KeSetEvent(&manual, 0, FALSE), 0);
    EXPECT_EQ(KeSetEvent(&manual, 0, FALSE), 1);
    EXPECT_EQ(poll_once(&manual), STATUS_SUCCESS);
    EXPECT_EQ(poll_once(&manual), STATUS_SUCCESS);
    EXPECT_EQ(KeResetEvent(&manual), 1);
    EXPECT_EQ(KeReadStateEvent(&manual), 0);
    EXPECT_EQ(poll_once(&automatic), STATUS_SUCCESS);
    EXPECT_EQ(poll_once(&automatic), STATUS_TIMEOUT);
}

// Catches: a set that wakes nobody (the test then hangs).
TEST_F(Event, WakesAWaiter) {
    KEVENT event;
    KeInitializeEvent(&event, SynchronizationEvent, FALSE);
    std::thread waiter(
        [&] { EXPECT_EQ(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, nullptr), STATUS_SUCCESS); });
    KeSetEvent(&event, 0, FALSE);
    waiter.join();
    EXPECT_EQ(KeReadStateEvent(&event), 0);
}

constexpr int kWaiters = 64;

// Threads that wait for an event, a minute at most; each counts itself when it is released.
class Waiters {
  public:
    explicit Waiters(PRKEVENT event) {
        for (int waiter = 0; waiter < kWaiters; ++waiter) {
            threads_.emplace_back([this, event] {
                LARGE_INTEGER minute;
                minute.QuadPart = -60LL * 10'000'000;
                if (KeWaitForSingleObject(event, Executive, KernelMode, FALSE, &minute) == STATUS_SUCCESS) {
                    released_.fetch_add(1);
                }
            });
        }
    }
    ~Waiters() {
        for (std::thread& thread : threads_) {
            thread.join();
        }
    }
    Waiters(const Waiters&) = delete;
    Waiters& operator=(const Waiters&) = delete;

    // Waits until so many are released, ten seconds at most; says how many are.
    int released(int wanted) const {
        for (int waited = 0; waited < 10'000 && released_.load() < wanted; ++waited) {
            ::usleep(1000);
        }
        return released_.load();
    }

  private:
    std::atomic<int> released_ = 0;
    std::vector<std::thread> threads_;
};

// As many signals as waiters, one after the other: had one of them released two, the last would be left over.
// Catches: a signal that releases every waiter, or none.
TEST_F(Event, ASignalOfAnAutoResetEventReleasesOneOfManyWaiters) {
    KEVENT in_memory;
    KeInitializeEvent(&in_memory, SynchronizationEvent, FALSE);
    for (PRKEVENT event : {&in_memory, event_}) {
        const Waiters waiters(event);
        for (int signal = 1; signal <= kWaiters; ++signal) {
            KeSetEvent(event, 0, FALSE);
            ASSERT_EQ(waiters.released(signal), signal);
        }
        EXPECT_EQ(KeReadStateEvent(event), 0);
    }
}

// Catches: a signal that the first waiter takes.
TEST_F(Event, ASignalOfAManualResetEventReleasesAllOfManyWaiters) {
    create(NotificationEvent);
    KEVENT in_memory;
    KeInitializeEvent(&in_memory, NotificationEvent, FALSE);
    for (PRKEVENT event : {&in_memory, event_}) {
        const Waiters waiters(event);
        KeSetEvent(event, 0, FALSE);
        EXPECT_EQ(waiters.released(kWaiters), kWaiters);
        EXPECT_EQ(KeReadStateEvent(event), 1);
    }
}

// Catches: signals counted outside of a hold, or carried from one hold to the next.
TEST_F(Event, TheSignalsOfOneHoldOfASpinLockAreCounted) {
    KSPIN_LOCK lock = 0;
    KeSetEvent(event_, 0, FALSE);
    EXPECT_EQ(executive().most_signals_in_a_hold(), 0U);
    for (const unsigned signals : {3U, 2U}) {
        const KIRQL old = KeAcquireSpinLockRaiseToDpc(&lock);
        for (unsigned signal = 0; signal < signals; ++signal) {
            KeSetEvent(event_, 0, FALSE);
        }
        KeReleaseSpinLock(&lock, old);
        EXPECT_EQ(executive().most_signals_in_a_hold(), 3U);
    }
}

// Catches: timeouts taken for milliseconds, or a negative one for an absolute time (the test then hangs).
TEST_F(Event, AWaitEndsAtItsTimeout) {
    KEVENT event;
    KeInitializeEvent(&event, SynchronizationEvent, FALSE);
    LARGE_INTEGER relative{};
    relative.QuadPart = -10'000;
    EXPECT_EQ(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &relative), STATUS_TIMEOUT);
    LARGE_INTEGER past{};
    past.QuadPart = 1;
    EXPECT_EQ(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &past), STATUS_TIMEOUT);
    EXPECT_EQ(KeWaitForSingleObject(event_, Executive, KernelMode, FALSE, &relative), STATUS_TIMEOUT);
}

TEST_F(Event, WaitingNeedsApcLevelUnlessItIsAPoll) {
    KEVENT event;
    KeInitializeEvent(&event, SynchronizationEvent, FALSE);
    KSPIN_LOCK lock = 0;
    const KIRQL old = KeAcquireSpinLockRaiseToDpc(&lock);
    EXPECT_EQ(poll_once(&event), STATUS_TIMEOUT);
    KeSetEvent(&event, 0, FALSE);
    AEGIS_EXPECT_STOP(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, nullptr), "IRQL_NOT_LESS_OR_EQUAL",
                      "KeWaitForSingleObject");
    KeReleaseSpinLock(&lock, old);
}

TEST_F(Event, StopsOnOneThatWasNotInitialized) {
    KEVENT event{};
    AEGIS_EXPECT_STOP(KeSetEvent(&event, 0, FALSE), "DRIVER_VERIFIER_DETECTED_VIOLATION", "no initialized event");
}

// What the client sees of the driver's calls, and the driver of the client's.
// Catches: a signal that does not arrive, or a clear that leaves it; create_event() ignoring the initial state.
TEST_F(Event, AClientsDescriptorFollowsTheDriver) {
    EXPECT_FALSE(readable(descriptor_));
    EXPECT_EQ(KeSetEvent(event_, 0, FALSE), 0);
    EXPECT_EQ(KeSetEvent(event_, 0, FALSE), 1);
    EXPECT_TRUE(readable(descriptor_));
    std::array<char, 64> tokens;
    EXPECT_GT(::read(descriptor_, tokens.data(), tokens.size()), 0);
    EXPECT_FALSE(readable(descriptor_));
    EXPECT_EQ(KeReadStateEvent(event_), 0);
    KeSetEvent(event_, 0, FALSE);
    KeClearEvent(event_);
    EXPECT_FALSE(readable(descriptor_));
    EXPECT_EQ(executive().set_event(*process_, handle_), STATUS_SUCCESS);
    EXPECT_EQ(KeReadStateEvent(event_), 1);
    EXPECT_EQ(executive().reset_event(*process_, handle_), STATUS_SUCCESS);
    EXPECT_EQ(KeReadStateEvent(event_), 0);
    EXPECT_TRUE(readable(executive().create_event(*process_, NotificationEvent, true).descriptor));
}

// Catches: a kernel wait that takes the signal of a manual-reset event, or leaves that of an auto-reset one.
TEST_F(Event, AKernelWaitTakesTheSignalOfAnAutoResetEventOnly) {
    KeSetEvent(event_, 0, FALSE);
    EXPECT_EQ(poll_once(event_), STATUS_SUCCESS);
    EXPECT_EQ(poll_once(event_), STATUS_TIMEOUT);
    create(NotificationEvent);
    KeSetEvent(event_, 0, FALSE);
    EXPECT_EQ(poll_once(event_), STATUS_SUCCESS);
    EXPECT_EQ(poll_once(event_), STATUS_SUCCESS);
}

// The client never drains, and clears O_NONBLOCK on everything it has.
// Catches: a blocking send (drop MSG_DONTWAIT), a channel whose flags the client shares.
TEST_F(Event, SignallingDoesNotBlockOnAFullChannel) {
    ASSERT_EQ(::fcntl(descriptor_, F_SETFL, 0), 0);
    EXPECT_TRUE(signalling_returns(10'000));
    EXPECT_EQ(KeReadStateEvent(event_), 1);
    KeClearEvent(event_);
    EXPECT_EQ(KeReadStateEvent(event_), 0);
}

// Catches: SIGPIPE, or an error taken for a reason to stop (drop MSG_NOSIGNAL).
TEST_F(Event, SignallingSurvivesAChannelTheClientShutDown) {
    ::shutdown(descriptor_, SHUT_RDWR);
    EXPECT_TRUE(signalling_returns());
}

// A client that is in the middle of a read for as long as it likes: its buffer is a page that it never provides.
// Catches: a channel whose reader and writer share a lock. With a pipe this test waits ten seconds and fails.
TEST_F(Event, SignallingDoesNotWaitForAClientThatStopsInsideARead) {
    const host::UniqueFd faults(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
    if (!faults) {
        GTEST_SKIP() << "userfaultfd is not permitted here";
    }
    uffdio_api api{UFFD_API, 0, 0};
    ASSERT_EQ(::ioctl(faults.get(), UFFDIO_API, &api), 0);
    void* page = ::mmap(nullptr, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(page, MAP_FAILED);
    uffdio_register range{};
    range.range = {reinterpret_cast<std::uint64_t>(page), PAGE_SIZE};
    range.mode = UFFDIO_REGISTER_MODE_MISSING;
    ASSERT_EQ(::ioctl(faults.get(), UFFDIO_REGISTER, &range), 0);

    KeSetEvent(event_, 0, FALSE);
    // Not the read() that a sanitizer intercepts, which looks at the buffer itself.
    std::thread reader([&] { ::syscall(SYS_read, descriptor_, page, 1); });
    pollfd fault{faults.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&fault, 1, 10'000), 1) << "the reader never reached its page";
    EXPECT_TRUE(signalling_returns());

    uffdio_zeropage fill{};
    fill.range = range.range;
    EXPECT_EQ(::ioctl(faults.get(), UFFDIO_ZEROPAGE, &fill), 0);
    reader.join();
    ::munmap(page, PAGE_SIZE);
}

// Catches: an event whose channel goes with the handle instead of with the last reference.
TEST_F(Event, TheDriversReferenceOutlivesTheHandleAndTheProcess) {
    ASSERT_EQ(executive().close(*process_, handle_), STATUS_SUCCESS);
    KeSetEvent(event_, 0, FALSE);
    executive().exit_process(process_);
    KeSetEvent(event_, 0, FALSE);
    EXPECT_EQ(KeReadStateEvent(event_), 1);
}

}  // namespace
}  // namespace aegis::test
