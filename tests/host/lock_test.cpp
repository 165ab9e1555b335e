// Spin locks, fast mutexes, critical regions, rundown protection, and the IRQL they imply.
#include <atomic>
#include <thread>
#include <vector>

#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

constexpr int kThreads = 3;
constexpr int kRounds = 2000;

// Runs `body` on several threads at once.
template <class Body>
void on_threads(Body body) {
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int index = 0; index < kThreads; ++index) {
        threads.emplace_back(body);
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
}

using SpinLock = ExecutiveTest;

// Under ThreadSanitizer also: the lock orders what it guards.
// Catches: an acquire that does not wait; acquire or release order weakened to relaxed (ThreadSanitizer).
TEST_F(SpinLock, ExcludesOthers) {
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    int guarded = 0;
    on_threads([&] {
        for (int round = 0; round < kRounds; ++round) {
            KLOCK_QUEUE_HANDLE handle;
            KeAcquireInStackQueuedSpinLock(&lock, &handle);
            ++guarded;
            KeReleaseInStackQueuedSpinLock(&handle);
        }
    });
    EXPECT_EQ(guarded, kThreads * kRounds);
}

// Catches: an IRQL that is not raised, or not restored to what it was.
TEST_F(SpinLock, RaisesToDispatchLevelAndBack) {
    KSPIN_LOCK outer = 0;
    KSPIN_LOCK inner = 0;
    KLOCK_QUEUE_HANDLE first;
    KLOCK_QUEUE_HANDLE second;
    KeAcquireInStackQueuedSpinLock(&outer, &first);
    EXPECT_EQ(first.OldIrql, PASSIVE_LEVEL);
    EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeAcquireInStackQueuedSpinLock(&inner, &second);
    EXPECT_EQ(second.OldIrql, DISPATCH_LEVEL);
    KeReleaseInStackQueuedSpinLock(&second);
    EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeReleaseInStackQueuedSpinLock(&first);
    EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

TEST_F(SpinLock, StopsOnARecursiveAcquire) {
    KSPIN_LOCK lock = 0;
    AEGIS_EXPECT_STOP(
        {
            KLOCK_QUEUE_HANDLE handle;
            KeAcquireInStackQueuedSpinLock(&lock, &handle);
            KeAcquireInStackQueuedSpinLock(&lock, &handle);
        },
        "SPIN_LOCK_ALREADY_OWNED", "again");
}

TEST_F(SpinLock, StopsOnAReleaseByAnotherThread) {
    AEGIS_EXPECT_STOP(
        {
            KSPIN_LOCK lock = 0;
            KSPIN_LOCK own = 0;
            KeAcquireSpinLockRaiseToDpc(&lock);
            std::thread([&] {
                KeAcquireSpinLockRaiseToDpc(&own);
                KeReleaseSpinLock(&lock, PASSIVE_LEVEL);
            }).join();
        },
        "SPIN_LOCK_NOT_OWNED", "does not hold");
}

TEST_F(SpinLock, StopsOnAReleaseBelowDispatchLevel) {
    KSPIN_LOCK lock = 0;
    AEGIS_EXPECT_STOP(KeReleaseSpinLock(&lock, PASSIVE_LEVEL), "IRQL_NOT_LESS_OR_EQUAL", "not at DISPATCH_LEVEL");
}

TEST_F(SpinLock, StopsOnAReleaseThroughAnotherHandle) {
    AEGIS_EXPECT_STOP(
        {
            KSPIN_LOCK lock = 0;
            KLOCK_QUEUE_HANDLE handle;
            KeAcquireInStackQueuedSpinLock(&lock, &handle);
            KLOCK_QUEUE_HANDLE copy = handle;
            KeReleaseInStackQueuedSpinLock(&copy);
        },
        "SPIN_LOCK_NOT_OWNED", "another handle");
}

TEST_F(SpinLock, StopsWhenTheIrqlIsLoweredUnderAnotherLock) {
    AEGIS_EXPECT_STOP(
        {
            KSPIN_LOCK first = 0;
            KSPIN_LOCK second = 0;
            KeAcquireSpinLockRaiseToDpc(&first);
            KeAcquireSpinLockRaiseToDpc(&second);
            KeReleaseSpinLock(&first, PASSIVE_LEVEL);
        },
        "IRQL_NOT_LESS_OR_EQUAL", "while another is held");
}

TEST_F(SpinLock, StopsWhenTheDriverReturnsWithOneHeld) {
    KSPIN_LOCK lock = 0;
    driver_hooks().control = [&](PDEVICE_OBJECT, PIRP irp) {
        KeAcquireSpinLockRaiseToDpc(&lock);
        return complete(irp, STATUS_SUCCESS);
    };
    AEGIS_EXPECT_STOP(control(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "a dispatch routine returned with a spin lock");
}

using FastMutex = ExecutiveTest;

// Catches: an acquire that does not wait; a release that wakes nobody (the test then hangs).
TEST_F(FastMutex, ExcludesOthersAtApcLevel) {
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    int guarded = 0;
    on_threads([&] {
        for (int round = 0; round < kRounds; ++round) {
            ExAcquireFastMutex(&mutex);
            EXPECT_EQ(KeGetCurrentIrql(), APC_LEVEL);
            ++guarded;
            ExReleaseFastMutex(&mutex);
            EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
        }
    });
    EXPECT_EQ(guarded, kThreads * kRounds);
}

// Catches: a try that waits, or that takes a mutex which is held.
TEST_F(FastMutex, TryTakesOnlyAFreeOne) {
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    EXPECT_EQ(ExTryToAcquireFastMutex(&mutex), TRUE);
    std::thread([&] { EXPECT_EQ(ExTryToAcquireFastMutex(&mutex), FALSE); }).join();
    ExReleaseFastMutex(&mutex);
}

TEST_F(FastMutex, StopsOnARecursiveAcquire) {
    AEGIS_EXPECT_STOP(
        {
            FAST_MUTEX mutex;
            ExInitializeFastMutex(&mutex);
            ExAcquireFastMutex(&mutex);
            ExAcquireFastMutex(&mutex);
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "deadlocks");
}

TEST_F(FastMutex, StopsOnAReleaseByAnotherThread) {
    AEGIS_EXPECT_STOP(
        {
            FAST_MUTEX mutex;
            ExInitializeFastMutex(&mutex);
            ExAcquireFastMutex(&mutex);
            std::thread([&] { ExReleaseFastMutex(&mutex); }).join();
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "does not hold");
}

TEST_F(FastMutex, StopsOnOneThatWasNotInitialized) {
    FAST_MUTEX mutex{};
    AEGIS_EXPECT_STOP(ExAcquireFastMutex(&mutex), "DRIVER_VERIFIER_DETECTED_VIOLATION", "not initialized");
}

TEST_F(FastMutex, StopsAtDispatchLevel) {
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    AEGIS_EXPECT_STOP(
        {
            KSPIN_LOCK lock = 0;
            KeAcquireSpinLockRaiseToDpc(&lock);
            ExAcquireFastMutex(&mutex);
        },
        "IRQL_NOT_LESS_OR_EQUAL", "ExAcquireFastMutex");
}

TEST_F(FastMutex, StopsWhenTheDriverReturnsWithOneHeld) {
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    driver_hooks().control = [&](PDEVICE_OBJECT, PIRP irp) {
        ExAcquireFastMutex(&mutex);
        return complete(irp, STATUS_SUCCESS);
    };
    AEGIS_EXPECT_STOP(control(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "returned with a fast mutex held");
}

// What needs PASSIVE_LEVEL is out of reach under a fast mutex: the mistake that an unguarded host never shows.
TEST_F(FastMutex, PassiveLevelCallsStopUnderOne) {
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    AEGIS_EXPECT_STOP(
        {
            ExAcquireFastMutex(&mutex);
            PVOID object = nullptr;
            ObReferenceObjectByHandle(NtCurrentProcess(), 0, nullptr, KernelMode, &object, nullptr);
        },
        "IRQL_NOT_LESS_OR_EQUAL", "ObReferenceObjectByHandle called at IRQL 1, allowed up to 0");
}

using CriticalRegion = ExecutiveTest;

TEST_F(CriticalRegion, StopsWhenLeftMoreOftenThanEntered) {
    KeEnterCriticalRegion();
    KeEnterCriticalRegion();
    KeLeaveCriticalRegion();
    KeLeaveCriticalRegion();
    AEGIS_EXPECT_STOP(KeLeaveCriticalRegion(), "APC_INDEX_MISMATCH", "without KeEnterCriticalRegion");
}

TEST_F(CriticalRegion, StopsWhenTheDriverReturnsInsideOne) {
    driver_hooks().control = [](PDEVICE_OBJECT, PIRP irp) {
        KeEnterCriticalRegion();
        return complete(irp, STATUS_SUCCESS);
    };
    AEGIS_EXPECT_STOP(control(), "APC_INDEX_MISMATCH", "returned with 1 critical regions, called with 0");
}

using Rundown = ExecutiveTest;

// Catches: a wait that returns while a user is inside; an acquire that succeeds after the wait.
TEST_F(Rundown, TheWaitOutlastsEveryUser) {
    EX_RUNDOWN_REF reference;
    ExInitializeRundownProtection(&reference);
    std::atomic<int> inside{0};
    std::atomic<bool> closed{false};
    std::atomic<int> began{0};
    std::vector<std::thread> users;
    users.reserve(kThreads);
    for (int index = 0; index < kThreads; ++index) {
        users.emplace_back([&] {
            while (ExAcquireRundownProtection(&reference) == TRUE) {
                EXPECT_FALSE(closed.load());
                ++inside;
                ++began;
                std::this_thread::yield();
                --inside;
                ExReleaseRundownProtection(&reference);
            }
        });
    }
    while (began.load() < kThreads * 10) {
        std::this_thread::yield();
    }
    ExWaitForRundownProtectionRelease(&reference);
    EXPECT_EQ(inside.load(), 0);
    closed = true;
    EXPECT_EQ(ExAcquireRundownProtection(&reference), FALSE);
    for (std::thread& user : users) {
        user.join();
    }
    ExReInitializeRundownProtection(&reference);
    EXPECT_EQ(ExAcquireRundownProtection(&reference), TRUE);
    ExReleaseRundownProtection(&reference);
}

TEST_F(Rundown, StopsOnOneReleaseTooMany) {
    EX_RUNDOWN_REF reference;
    ExInitializeRundownProtection(&reference);
    AEGIS_EXPECT_STOP(ExReleaseRundownProtection(&reference), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "released more than acquired");
}

}  // namespace
}  // namespace aegis::test
