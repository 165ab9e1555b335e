// Thread notify routines, what NT tells about a thread, and the keys of processes.
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "driver/host/executive/processes/thread_routines.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

constexpr std::int64_t kTime = 0x01DC000012345678;
constexpr std::uint32_t kPid = 0x00800010;
constexpr std::uint32_t kTid = 0x00800014;
constexpr std::uint32_t kCreator = 0x00800020;
constexpr std::uint32_t kCreatorTid = 0x00800024;

std::uint32_t number(HANDLE id) {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(id));
}

HANDLE handle(std::uint32_t id) {
    return reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(id));
}

// What the routines below do; set while they are not registered.
std::function<void(HANDLE, HANDLE, BOOLEAN)>& hook() {
    static std::function<void(HANDLE, HANDLE, BOOLEAN)> called;
    return called;
}

// Who was called where: "kind +tid on tid".
std::vector<std::string>& heard() {
    static std::vector<std::string> all;
    return all;
}

void hear(const char* kind, HANDLE tid, BOOLEAN create) {
    heard().push_back(std::string(kind) + (create ? " +" : " -") + std::to_string(number(tid)) + " on " +
                      std::to_string(number(PsGetCurrentThreadId())));
}

void NTAPI routine(HANDLE pid, HANDLE tid, BOOLEAN create) {
    hook()(pid, tid, create);
}
void NTAPI plain_routine(HANDLE, HANDLE tid, BOOLEAN create) {
    hear("plain", tid, create);
}
void NTAPI non_system_routine(HANDLE, HANDLE tid, BOOLEAN create) {
    hear("non-system", tid, create);
}
void NTAPI subsystems_routine(HANDLE, HANDLE tid, BOOLEAN create) {
    hear("subsystems", tid, create);
}

class ThreadNotify : public ExecutiveTest {
  protected:
    void TearDown() override {
        if (registered_) {
            remove();
        }
        hook() = nullptr;
        heard().clear();
    }

    void watch(std::function<void(HANDLE, HANDLE, BOOLEAN)> called) {
        hook() = std::move(called);
        ASSERT_EQ(PsSetCreateThreadNotifyRoutine(&routine), STATUS_SUCCESS);
        registered_ = true;
    }
    void remove() {
        EXPECT_EQ(PsRemoveCreateThreadNotifyRoutine(&routine), STATUS_SUCCESS);
        registered_ = false;
    }

    static host::ThreadCreation thread() {
        host::ThreadCreation creation;
        creation.pid = kPid;
        creation.tid = kTid;
        creation.creator = kCreator;
        creation.creator_tid = kCreatorTid;
        creation.start_address = 0x7FF612345670;
        creation.timestamp = kTime;
        return creation;
    }
    void create() { executive().raise_thread_create(thread()); }
    void exit(NTSTATUS status = 7) {
        executive().raise_thread_exit({.pid = kPid, .tid = kTid, .status = status, .timestamp = kTime + 1});
    }

  private:
    bool registered_ = false;
};

// Catches: the routine called in another context than the creator's, at another IRQL, or with other numbers.
TEST_F(ThreadNotify, ACreationIsToldOnTheCreatingThread) {
    int calls = 0;
    watch([&](HANDLE pid, HANDLE tid, BOOLEAN is_creation) {
        ++calls;
        EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
        EXPECT_EQ(number(pid), kPid);
        EXPECT_EQ(number(tid), kTid);
        EXPECT_TRUE(is_creation);
        EXPECT_EQ(number(PsGetCurrentProcessId()), kCreator);
        EXPECT_EQ(number(PsGetCurrentThreadId()), kCreatorTid);
    });
    create();
    EXPECT_EQ(calls, 1);
    EXPECT_NE(number(PsGetCurrentThreadId()), kCreatorTid);
}

TEST_F(ThreadNotify, MayComeAtApcLevel) {
    watch([](HANDLE, HANDLE, BOOLEAN) { EXPECT_EQ(KeGetCurrentIrql(), APC_LEVEL); });
    host::ThreadCreation at_apc_level = thread();
    at_apc_level.at_apc_level = true;
    executive().raise_thread_create(at_apc_level);
    EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

TEST_F(ThreadNotify, AnExitIsToldOnTheThreadThatEnds) {
    create();
    watch([](HANDLE pid, HANDLE tid, BOOLEAN is_creation) {
        EXPECT_FALSE(is_creation);
        EXPECT_EQ(PsGetCurrentProcessId(), pid);
        EXPECT_EQ(PsGetCurrentThreadId(), tid);
    });
    exit();
}

// Catches: a kind that is told of what it did not ask for, or in another thread than it asked for.
TEST_F(ThreadNotify, EachKindIsToldWhatItAskedForWhereItAskedForIt) {
    ASSERT_EQ(PsSetCreateThreadNotifyRoutine(&plain_routine), STATUS_SUCCESS);
    ASSERT_EQ(
        PsSetCreateThreadNotifyRoutineEx(PsCreateThreadNotifyNonSystem, reinterpret_cast<PVOID>(&non_system_routine)),
        STATUS_SUCCESS);
    ASSERT_EQ(
        PsSetCreateThreadNotifyRoutineEx(PsCreateThreadNotifySubsystems, reinterpret_cast<PVOID>(&subsystems_routine)),
        STATUS_SUCCESS);
    EXPECT_EQ(PsSetCreateThreadNotifyRoutineEx(2, reinterpret_cast<PVOID>(&routine)), STATUS_INVALID_PARAMETER);
    create();
    exit();
    const std::string tid = std::to_string(kTid);
    const std::string creator = std::to_string(kCreatorTid);
    EXPECT_EQ(heard(),
              (std::vector<std::string>{"plain +" + tid + " on " + creator, "subsystems +" + tid + " on " + creator,
                                        "non-system +" + tid + " on " + tid, "plain -" + tid + " on " + tid,
                                        "non-system -" + tid + " on " + tid, "subsystems -" + tid + " on " + tid}));
    heard().clear();
    host::ThreadCreation of_system = thread();
    of_system.system = true;
    executive().raise_thread_create(of_system);
    exit();
    EXPECT_EQ(heard(),
              (std::vector<std::string>{"plain +" + tid + " on " + creator, "subsystems +" + tid + " on " + creator,
                                        "plain -" + tid + " on " + tid, "subsystems -" + tid + " on " + tid}));
    heard().clear();
    host::ProcessCreation pico;
    pico.pid = kPid;
    pico.subsystem = true;
    executive().raise_process_create(pico);
    create();
    EXPECT_EQ(heard(), (std::vector<std::string>{"subsystems +" + tid + " on " + creator}));
    for (const PCREATE_THREAD_NOTIFY_ROUTINE registered : {&plain_routine, &non_system_routine, &subsystems_routine}) {
        EXPECT_EQ(PsRemoveCreateThreadNotifyRoutine(registered), STATUS_SUCCESS);
    }
}

// NT takes it, and tells every thread twice.
TEST_F(ThreadNotify, StopsOnASecondRegistration) {
    watch([](HANDLE, HANDLE, BOOLEAN) {});
    AEGIS_EXPECT_STOP(PsSetCreateThreadNotifyRoutine(&routine), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "thread notify routine .* registered twice");
}

TEST_F(ThreadNotify, StopsOnASecondRemoval) {
    EXPECT_EQ(PsRemoveCreateThreadNotifyRoutine(&routine), STATUS_PROCEDURE_NOT_FOUND);
    watch([](HANDLE, HANDLE, BOOLEAN) {});
    remove();
    AEGIS_EXPECT_STOP(PsRemoveCreateThreadNotifyRoutine(&routine), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "thread notify routine .* removed twice");
}

TEST_F(ThreadNotify, StopsOnARemovalFromInside) {
    watch([](HANDLE, HANDLE, BOOLEAN) { PsRemoveCreateThreadNotifyRoutine(&routine); });
    AEGIS_EXPECT_STOP(create(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "thread notify routine .* removes itself");
}

TEST_F(ThreadNotify, StopsWhenOneIsLeftAtUnload) {
    AEGIS_EXPECT_STOP(
        {
            in_driver([] { PsSetCreateThreadNotifyRoutine(&routine); });
            executive().unload_driver();
        },
        "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS", "thread notify routine .* registered");
}

TEST_F(ThreadNotify, StopsWhenARoutineReturnsAtAnotherIrql) {
    watch([](HANDLE, HANDLE, BOOLEAN) { host::change_irql(APC_LEVEL); });
    AEGIS_EXPECT_STOP(create(), "IRQL_NOT_LESS_OR_EQUAL", "a thread notify routine was called at IRQL 0");
}

TEST_F(ThreadNotify, SlotsRunOut) {
    std::vector<PCREATE_THREAD_NOTIFY_ROUTINE> taken;
    NTSTATUS status = STATUS_SUCCESS;
    for (std::uintptr_t address = 0x10000; status == STATUS_SUCCESS && taken.size() < 100; address += 16) {
        taken.push_back(reinterpret_cast<PCREATE_THREAD_NOTIFY_ROUTINE>(address));
        status = PsSetCreateThreadNotifyRoutine(taken.back());
    }
    EXPECT_EQ(status, STATUS_INSUFFICIENT_RESOURCES);
    taken.pop_back();
    EXPECT_EQ(taken.size(), 64U);
    for (const PCREATE_THREAD_NOTIFY_ROUTINE each : taken) {
        EXPECT_EQ(PsRemoveCreateThreadNotifyRoutine(each), STATUS_SUCCESS);
    }
}

// Catches: a removal that returns while a call is running; a call that begins after it.
TEST_F(ThreadNotify, ARemovalWaitsForCallsInFlight) {
    for (int round = 0; round < 20; ++round) {
        std::atomic<int> inside{0};
        std::atomic<bool> removed{false};
        std::atomic<bool> stop{false};
        std::atomic<int> calls{0};
        watch([&](HANDLE, HANDLE, BOOLEAN) {
            EXPECT_FALSE(removed.load());
            ++inside;
            ++calls;
            std::this_thread::yield();
            --inside;
        });
        std::vector<std::thread> sources;
        for (std::uint32_t index = 0; index < 3; ++index) {
            sources.emplace_back([&, index] {
                host::ThreadCreation creation = thread();
                creation.tid += index * 4;
                while (!stop.load()) {
                    executive().raise_thread_create(creation);
                    executive().raise_thread_exit({.pid = kPid, .tid = creation.tid, .status = 0, .timestamp = kTime});
                }
            });
        }
        while (calls.load() < 30) {
            std::this_thread::yield();
        }
        remove();
        EXPECT_EQ(inside.load(), 0);
        removed = true;
        stop = true;
        for (std::thread& source : sources) {
            source.join();
        }
    }
}

// --- what NT tells about a thread ---

NTSTATUS query_start_address(HANDLE thread, PVOID* address) {
    return ZwQueryInformationThread(thread, ThreadQuerySetWin32StartAddress, address, sizeof(*address), nullptr);
}

// Catches: any answer of another thread's; an end status before the end.
TEST_F(ThreadNotify, TheThreadAnswersForItself) {
    host::ThreadCreation of_system = thread();
    of_system.system = true;
    executive().raise_thread_create(of_system);
    NTSTATUS at_exit = STATUS_SUCCESS;
    in_driver([&] {
        PETHREAD found = nullptr;
        EXPECT_EQ(PsLookupThreadByThreadId(handle(kTid + 4), &found), STATUS_INVALID_CID);
        ASSERT_EQ(PsLookupThreadByThreadId(handle(kTid), &found), STATUS_SUCCESS);
        EXPECT_EQ(number(PsGetThreadId(found)), kTid);
        EXPECT_TRUE(PsIsSystemThread(found));
        EXPECT_EQ(PsGetThreadExitStatus(found), STATUS_PENDING);
        HANDLE opened = nullptr;
        ASSERT_EQ(ObOpenObjectByPointer(found, OBJ_KERNEL_HANDLE, nullptr, THREAD_QUERY_INFORMATION, nullptr,
                                        KernelMode, &opened),
                  STATUS_SUCCESS);
        PVOID address = nullptr;
        EXPECT_EQ(query_start_address(opened, &address), STATUS_SUCCESS);
        EXPECT_EQ(address, reinterpret_cast<PVOID>(0x7FF612345670));
        EXPECT_EQ(ZwQueryInformationThread(opened, 1, &address, sizeof(address), nullptr), STATUS_INVALID_INFO_CLASS);
        EXPECT_EQ(ZwQueryInformationThread(opened, ThreadQuerySetWin32StartAddress, &address, 4, nullptr),
                  STATUS_INFO_LENGTH_MISMATCH);
        ZwClose(opened);
        ASSERT_EQ(ObOpenObjectByPointer(found, OBJ_KERNEL_HANDLE, nullptr, 0, nullptr, KernelMode, &opened),
                  STATUS_SUCCESS);
        EXPECT_EQ(query_start_address(opened, &address), STATUS_ACCESS_DENIED);
        ZwClose(opened);
        ASSERT_EQ(ObOpenObjectByPointer(PsInitialSystemProcess, OBJ_KERNEL_HANDLE, nullptr, 0x40, nullptr, KernelMode,
                                        &opened),
                  STATUS_SUCCESS);
        EXPECT_EQ(query_start_address(opened, &address), STATUS_OBJECT_TYPE_MISMATCH);
        ZwClose(opened);
        ObDereferenceObject(found);
    });
    watch([&](HANDLE, HANDLE tid, BOOLEAN) {
        PETHREAD found = nullptr;
        ASSERT_EQ(PsLookupThreadByThreadId(tid, &found), STATUS_SUCCESS);
        at_exit = PsGetThreadExitStatus(found);
        ObDereferenceObject(found);
    });
    exit(STATUS_ACCESS_DENIED);
    EXPECT_EQ(at_exit, STATUS_ACCESS_DENIED);
    PETHREAD gone = nullptr;
    EXPECT_EQ(PsLookupThreadByThreadId(handle(kTid), &gone), STATUS_INVALID_CID);
}

TEST_F(ThreadNotify, StopsOnAQuestionToWhatIsNoThread) {
    AEGIS_EXPECT_STOP(PsIsSystemThread(reinterpret_cast<PETHREAD>(PsInitialSystemProcess)), "REFERENCE_BY_POINTER",
                      "PsIsSystemThread of .* which is no thread");
}

TEST_F(ThreadNotify, StopsOnAThreadThatTheDriverKeeps) {
    AEGIS_EXPECT_STOP(
        {
            create();
            in_driver([] {
                PETHREAD found = nullptr;
                PsLookupThreadByThreadId(handle(kTid), &found);
            });
            executive().unload_driver();
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "thread 8388628");
}

// --- keys ---

ULONGLONG key_of(std::uint32_t pid, LONGLONG* created = nullptr) {
    PEPROCESS process = nullptr;
    if (!NT_SUCCESS(PsLookupProcessByProcessId(handle(pid), &process))) {
        return 0;
    }
    const ULONGLONG key = PsGetProcessStartKey(process);
    if (created != nullptr) {
        *created = PsGetProcessCreateTimeQuadPart(process);
    }
    ObDereferenceObject(process);
    return key;
}

// Catches: a key that is a process's number, or that the next process of a number gets again; a process that has a
// thread and no key.
TEST_F(ThreadNotify, AKeyNamesAProcessForEver) {
    EXPECT_EQ(key_of(kPid), 0U);
    create();
    LONGLONG created = 0;
    const ULONGLONG first = key_of(kPid, &created);
    EXPECT_NE(first, 0U);
    EXPECT_EQ(created, kTime);
    EXPECT_NE(key_of(kCreator), 0U);
    EXPECT_NE(key_of(kCreator), first);
    EXPECT_EQ(key_of(kPid), first);
    executive().raise_process_exit(kPid, kTime + 2);
    EXPECT_EQ(key_of(kPid), 0U);
    create();
    EXPECT_NE(key_of(kPid), first);
}

}  // namespace
}  // namespace aegis::test
