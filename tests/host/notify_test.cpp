// Process notify routines, and the activity that calls them.
#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "driver/host/executive/processes/notify_routines.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

constexpr std::int64_t kTime = 0x01DC000012345678;
constexpr std::uint32_t kPid = 0x00800010;
constexpr std::uint32_t kCreator = 0x00800020;

using QueryTime = void(NTAPI*)(PLARGE_INTEGER);

std::int64_t precise_time() {
    UNICODE_STRING name = counted(u"KeQuerySystemTimePrecise");
    LARGE_INTEGER time{};
    reinterpret_cast<QueryTime>(MmGetSystemRoutineAddress(&name))(&time);
    return time.QuadPart;
}

std::uint32_t number(HANDLE id) {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(id));
}

// What the routine below does; set while it is not registered.
std::function<void(PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO)>& extended_hook() {
    static std::function<void(PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO)> hook;
    return hook;
}

std::function<void(HANDLE, HANDLE, BOOLEAN)>& legacy_hook() {
    static std::function<void(HANDLE, HANDLE, BOOLEAN)> hook;
    return hook;
}

void NTAPI extended_routine(PEPROCESS process, HANDLE pid, PPS_CREATE_NOTIFY_INFO info) {
    extended_hook()(process, pid, info);
}

// What the routine for every subsystem heard: "-pid", "+pid" or "pico pid".
std::vector<std::string>& heard_of_all() {
    static std::vector<std::string> heard;
    return heard;
}

void NTAPI routine_for_all(PEPROCESS, HANDLE pid, PPS_CREATE_NOTIFY_INFO info) {
    const char* kind = info == nullptr ? "-" : info->IsSubsystemProcess != 0 ? "pico " : "+";
    heard_of_all().push_back(kind + std::to_string(number(pid)));
}

void NTAPI legacy_routine(HANDLE parent, HANDLE pid, BOOLEAN create) {
    legacy_hook()(parent, pid, create);
}

class Notify : public ExecutiveTest {
  protected:
    void TearDown() override {
        if (registered_) {
            remove();
        }
        extended_hook() = nullptr;
        legacy_hook() = nullptr;
    }

    void watch(std::function<void(PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO)> hook) {
        extended_hook() = std::move(hook);
        ASSERT_EQ(PsSetCreateProcessNotifyRoutineEx(&extended_routine, FALSE), STATUS_SUCCESS);
        registered_ = true;
    }

    // Keeps "+pid" for each creation and "-pid" for each exit.
    void watch_all() {
        watch([this](PEPROCESS, HANDLE pid, PPS_CREATE_NOTIFY_INFO info) {
            std::string told(1, info != nullptr ? '+' : '-');
            told += std::to_string(number(pid));
            heard_.push_back(told);
        });
    }

    void remove() {
        EXPECT_EQ(PsSetCreateProcessNotifyRoutineEx(&extended_routine, TRUE), STATUS_SUCCESS);
        registered_ = false;
    }

    NTSTATUS create(std::uint32_t pid, std::int64_t time = kTime) {
        host::ProcessCreation creation;
        creation.pid = pid;
        creation.timestamp = time;
        return executive().raise_process_create(creation);
    }

    std::vector<std::string> heard_;

  private:
    bool registered_ = false;
};

// Catches: any field of the create information wrong; the routine called in another context than the creator's; the
// machine's time instead of the activity's.
TEST_F(Notify, ACreationIsToldInTheCreatorsContext) {
    bool called = false;
    watch([&](PEPROCESS process, HANDLE pid, PPS_CREATE_NOTIFY_INFO info) {
        called = true;
        EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
        EXPECT_EQ(number(pid), kPid);
        EXPECT_EQ(PsGetProcessId(process), pid);
        EXPECT_EQ(number(PsGetCurrentProcessId()), kCreator);
        EXPECT_EQ(info->Size, sizeof(PS_CREATE_NOTIFY_INFO));
        EXPECT_EQ(info->FileOpenNameAvailable, 1U);
        EXPECT_EQ(number(info->ParentProcessId), 77U);
        EXPECT_EQ(number(info->CreatingThreadId.UniqueProcess), kCreator);
        EXPECT_EQ(number(info->CreatingThreadId.UniqueThread), 88U);
        EXPECT_EQ(std::u16string(info->ImageFileName->Buffer, info->ImageFileName->Length / 2), u"/bin/true");
        EXPECT_EQ(std::u16string(info->CommandLine->Buffer, info->CommandLine->Length / 2), u"true");
        // What is behind the text is the string's, and no text.
        EXPECT_EQ(info->ImageFileName->MaximumLength, info->ImageFileName->Length + 2);
        EXPECT_EQ(info->ImageFileName->Buffer[info->ImageFileName->Length / 2], 0xCDCD);
        EXPECT_EQ(precise_time(), kTime);
    });
    host::ProcessCreation creation;
    creation.pid = kPid;
    creation.parent = 77;
    creation.creator = kCreator;
    creation.creator_tid = 88;
    creation.image_path = u"/bin/true";
    creation.image_path_exact = true;
    creation.command_line = u"true";
    creation.timestamp = kTime;
    EXPECT_EQ(executive().raise_process_create(creation), STATUS_SUCCESS);
    EXPECT_TRUE(called);
    EXPECT_NE(precise_time(), kTime);
}

TEST_F(Notify, WhatIsNotKnownIsNull) {
    watch([](PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO info) {
        EXPECT_EQ(info->ImageFileName, nullptr);
        EXPECT_EQ(info->CommandLine, nullptr);
        EXPECT_EQ(info->FileOpenNameAvailable, 0U);
    });
    create(kPid);
}

// Catches: an exit told with create information, in another context, or with the machine's time.
TEST_F(Notify, AnExitIsToldInTheProcessesOwnContext) {
    bool called = false;
    watch([&](PEPROCESS process, HANDLE pid, PPS_CREATE_NOTIFY_INFO info) {
        called = true;
        EXPECT_EQ(info, nullptr);
        EXPECT_EQ(PsGetCurrentProcess(), process);
        EXPECT_EQ(PsGetCurrentProcessId(), pid);
        EXPECT_EQ(precise_time(), kTime + 1);
    });
    executive().raise_process_exit(kPid, kTime + 1);
    EXPECT_TRUE(called);
}

TEST_F(Notify, ARoutineMayRefuseACreation) {
    watch([](PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO info) { info->CreationStatus = STATUS_ACCESS_DENIED; });
    EXPECT_EQ(create(kPid), STATUS_ACCESS_DENIED);
}

// Catches: the path readable, or unchanged, after the call that it was valid in.
TEST_F(Notify, ThePathIsGoneAfterTheCall) {
    const WCHAR* kept = nullptr;
    watch([&](PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO info) { kept = info->ImageFileName->Buffer; });
    host::ProcessCreation creation;
    creation.pid = kPid;
    creation.image_path = u"/bin/true";
    EXPECT_DEATH(
        {
            executive().raise_process_create(creation);
            // The memory is free: what it holds is anyone's guess, but no longer the path.
            if (std::u16string_view(kept, 9) != u"/bin/true") {
                std::fputs("gone", stderr);
                std::abort();
            }
        },
        "gone|Sanitizer: heap-use-after-free");
}

// Catches: a legacy routine called with the extended arguments, or not at all.
TEST_F(Notify, TheLegacyKindIsCalledToo) {
    std::vector<std::string> calls;
    legacy_hook() = [&](HANDLE parent, HANDLE pid, BOOLEAN is_creation) {
        calls.push_back(std::to_string(number(parent)) + " " + std::to_string(number(pid)) + " " +
                        std::to_string(is_creation));
    };
    ASSERT_EQ(PsSetCreateProcessNotifyRoutine(&legacy_routine, FALSE), STATUS_SUCCESS);
    host::ProcessCreation creation;
    creation.pid = 8;
    creation.parent = 12;
    executive().raise_process_create(creation);
    executive().raise_process_exit(8, kTime);
    EXPECT_EQ(calls, (std::vector<std::string>{"12 8 1", "0 8 0"}));
    EXPECT_EQ(PsSetCreateProcessNotifyRoutine(&legacy_routine, TRUE), STATUS_SUCCESS);
}

// Catches: a second registration that succeeds; a removal of what was never registered that stops or succeeds.
TEST_F(Notify, RegistrationIsStrict) {
    watch([](PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO) {});
    EXPECT_EQ(PsSetCreateProcessNotifyRoutineEx(&extended_routine, FALSE), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(PsSetCreateProcessNotifyRoutine(&legacy_routine, TRUE), STATUS_PROCEDURE_NOT_FOUND);
}

// Catches: pico processes reported to who did not ask for every subsystem, or not to who did; an exit that is told
// otherwise than the creation was.
TEST_F(Notify, ProcessesOfSubsystemsAreToldToWhoAsksForThem) {
    watch_all();
    std::vector<std::string> plain;
    legacy_hook() = [&](HANDLE, HANDLE pid, BOOLEAN) { plain.push_back(std::to_string(number(pid))); };
    ASSERT_EQ(PsSetCreateProcessNotifyRoutine(&legacy_routine, FALSE), STATUS_SUCCESS);
    heard_of_all().clear();
    const auto address = reinterpret_cast<PVOID>(&routine_for_all);
    ASSERT_EQ(PsSetCreateProcessNotifyRoutineEx2(PsCreateProcessNotifySubsystems, address, FALSE), STATUS_SUCCESS);
    host::ProcessCreation pico;
    pico.pid = kPid;
    pico.subsystem = true;
    pico.timestamp = kTime;
    EXPECT_EQ(executive().raise_process_create(pico), STATUS_SUCCESS);
    create(kPid + 4);
    // Its system calls never reach NT.
    EXPECT_EQ(client(kPid), nullptr);
    executive().raise_process_exit(kPid, kTime);
    executive().raise_process_exit(kPid + 4, kTime);
    EXPECT_EQ(PsSetCreateProcessNotifyRoutineEx2(PsCreateProcessNotifySubsystems, address, TRUE), STATUS_SUCCESS);
    EXPECT_EQ(PsSetCreateProcessNotifyRoutine(&legacy_routine, TRUE), STATUS_SUCCESS);

    const std::string first = std::to_string(kPid);
    const std::string second = std::to_string(kPid + 4);
    EXPECT_EQ(heard_of_all(), (std::vector<std::string>{"pico " + first, "+" + second, "-" + first, "-" + second}));
    EXPECT_EQ(heard_, (std::vector<std::string>{"+" + second, "-" + second}));
    EXPECT_EQ(plain, (std::vector<std::string>{second, second}));
}

// What was registered by one function is not removed by another; and there is one type.
TEST_F(Notify, RemovalIsByTheFunctionOfTheRegistration) {
    watch([](PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO) {});
    const auto address = reinterpret_cast<PVOID>(&extended_routine);
    EXPECT_EQ(PsSetCreateProcessNotifyRoutineEx2(PsCreateProcessNotifySubsystems, address, TRUE),
              STATUS_PROCEDURE_NOT_FOUND);
    EXPECT_EQ(PsSetCreateProcessNotifyRoutineEx2(PsCreateProcessNotifySubsystems + 1, address, TRUE),
              STATUS_INVALID_PARAMETER);
}

TEST_F(Notify, StopsOnASecondRemoval) {
    watch([](PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO) {});
    remove();
    AEGIS_EXPECT_STOP(PsSetCreateProcessNotifyRoutineEx(&extended_routine, TRUE), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "removed twice");
}

TEST_F(Notify, StopsOnARemovalFromInside) {
    watch(
        [](PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO) { PsSetCreateProcessNotifyRoutineEx(&extended_routine, TRUE); });
    AEGIS_EXPECT_STOP(create(kPid), "DRIVER_VERIFIER_DETECTED_VIOLATION", "waits for itself");
}

TEST_F(Notify, StopsWhenARoutineReturnsWithALockHeld) {
    KSPIN_LOCK lock = 0;
    watch([&](PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO) { KeAcquireSpinLockRaiseToDpc(&lock); });
    AEGIS_EXPECT_STOP(create(kPid), "DRIVER_VERIFIER_DETECTED_VIOLATION", "a process notify routine returned with");
}

// Catches: a removal that returns while a call is running; a call that begins after it.
TEST_F(Notify, ARemovalWaitsForCallsInFlight) {
    for (int round = 0; round < 20; ++round) {
        std::atomic<int> inside{0};
        std::atomic<bool> removed{false};
        std::atomic<bool> stop{false};
        std::atomic<int> calls{0};
        watch([&](PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO) {
            EXPECT_FALSE(removed.load());
            ++inside;
            ++calls;
            std::this_thread::yield();
            --inside;
        });
        std::vector<std::thread> sources;
        for (std::uint32_t index = 0; index < 3; ++index) {
            sources.emplace_back([&, index] {
                while (!stop.load()) {
                    create(kPid + index);
                    executive().raise_process_exit(kPid + index, kTime);
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

// --- once per process ---

// Catches: a client's end told twice when activity reports it as well.
TEST_F(Notify, AClientThatIsGoneFirstIsToldOnce) {
    watch_all();
    const host::ProcessRef process = client(100);
    executive().exit_process(process);
    executive().exit_process(process);
    executive().raise_process_exit(100, kTime);
    EXPECT_EQ(heard_, (std::vector<std::string>{"-100"}));
}

TEST_F(Notify, AClientWhoseExitIsReportedFirstIsToldOnce) {
    watch_all();
    const host::ProcessRef process = client(100);
    executive().raise_process_exit(100, kTime);
    executive().exit_process(process);
    EXPECT_EQ(heard_, (std::vector<std::string>{"-100"}));
    EXPECT_EQ(executive().open(*process, u"\\??\\Test", 0).status, STATUS_PROCESS_IS_TERMINATING);
}

// Activity lags: it tells of the creation of a client that is gone already.
// Catches: the exit that follows told as a second one.
TEST_F(Notify, LateActivityOfAGoneClientEndsInNoSecondExit) {
    watch_all();
    executive().exit_process(client(100));
    create(100, kTime);  // long before now
    executive().raise_process_exit(100, kTime + 1);
    EXPECT_EQ(heard_, (std::vector<std::string>{"-100", "+100"}));
}

// The pid is used again: a process of its own, with an exit of its own.
// Catches: the exit of a later process withheld for an earlier client's sake.
TEST_F(Notify, ALaterProcessOfTheSamePidHasItsOwnExit) {
    watch_all();
    executive().exit_process(client(100));
    create(100, INT64_MAX);
    executive().raise_process_exit(100, INT64_MAX);
    EXPECT_EQ(heard_, (std::vector<std::string>{"-100", "+100", "-100"}));
}

// Catches: another object for the client than for the process that activity reported.
TEST_F(Notify, AClientTakesOverTheProcessActivityReported) {
    PEPROCESS reported = nullptr;
    watch([&](PEPROCESS process, HANDLE, PPS_CREATE_NOTIFY_INFO) { reported = process; });
    create(100);
    const host::ProcessRef process = client(100);
    EXPECT_EQ(static_cast<void*>(reported), process.get());
    EXPECT_EQ(client(100), nullptr);
    executive().exit_process(process);
}

// Two threads see the same end at once, many times.
// Catches: an exit that two callers both run.
TEST_F(Notify, RacingReportsOfOneEndAreToldOnce) {
    std::atomic<int> exits{0};
    watch([&](PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO) { ++exits; });
    for (int round = 0; round < 100; ++round) {
        const host::ProcessRef process = client(100);
        std::thread server([&] { executive().exit_process(process); });
        executive().raise_process_exit(100, INT64_MAX);
        server.join();
        EXPECT_EQ(exits.exchange(0), 1);
    }
}

// --- the order of an exit ---

// Catches: handles closed before the exit is told, or after the address space is gone.
TEST_F(Notify, AnExitIsToldBeforeTheHandlesClose) {
    driver_hooks().cleanup = [&](PDEVICE_OBJECT, PIRP irp) {
        heard_.emplace_back("cleanup");
        EXPECT_EQ(number(PsGetCurrentProcessId()), 100U);
        return complete(irp, STATUS_SUCCESS);
    };
    driver_hooks().close = [&](PDEVICE_OBJECT, PIRP irp) {
        heard_.emplace_back("close");
        return complete(irp, STATUS_SUCCESS);
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    watch_all();
    const host::ProcessRef process = client(100);
    open(process);
    executive().exit_process(process);
    EXPECT_EQ(heard_, (std::vector<std::string>{"-100", "cleanup", "close"}));
    EXPECT_EQ(executive().create_event(*process, NotificationEvent, false).status, STATUS_PROCESS_IS_TERMINATING);
}

// Catches: an exit that does not wait for the process's system calls.
TEST_F(Notify, AnExitWaitsForSystemCallsInFlight) {
    std::atomic<bool> entered{false};
    std::atomic<bool> leave{false};
    std::atomic<bool> left{false};
    driver_hooks().control = [&](PDEVICE_OBJECT, PIRP irp) {
        entered = true;
        while (!leave.load()) {
            std::this_thread::yield();
        }
        left = true;
        return complete(irp, STATUS_SUCCESS);
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    watch([&](PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO) { EXPECT_TRUE(left.load()); });
    const host::ProcessRef process = client(100);
    const host::ProcessHandle handle = open(process);
    std::thread caller([&] { executive().device_control(*process, handle, kEcho, {}, {}); });
    while (!entered.load()) {
        std::this_thread::yield();
    }
    std::thread exiting([&] { executive().exit_process(process); });
    // New calls are refused from the moment the exit began.
    while (executive().create_event(*process, NotificationEvent, false).status != STATUS_PROCESS_IS_TERMINATING) {
        std::this_thread::yield();
    }
    leave = true;
    caller.join();
    exiting.join();
}

// Catches: a duplicate that lands in the table of a process that is gone, and is never closed.
TEST_F(Notify, AHandleCannotBeDuplicatedIntoAnEndedProcess) {
    const host::ProcessRef source = client(100);
    const host::ProcessRef target = client(200);
    const host::ProcessHandle event = executive().create_event(*source, NotificationEvent, false).handle;
    executive().exit_process(target);
    EXPECT_EQ(executive().duplicate_handle(*source, event, *target).status, STATUS_PROCESS_IS_TERMINATING);
}

}  // namespace
}  // namespace aegis::test
