// Loading, unloading, and what has to be gone afterwards.
#include <atomic>
#include <string>
#include <thread>

#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

void NTAPI ignore_processes(PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO) {}

class Load : public ExecutiveTest {
  protected:
    // DriverEntry does this and then fails.
    void fail_after(std::function<void(PDRIVER_OBJECT)> action) {
        driver_hooks().entry = [action = std::move(action)](PDRIVER_OBJECT driver, PUNICODE_STRING) {
            action(driver);
            return STATUS_UNSUCCESSFUL;
        };
    }
};

// Catches: state of the first load that makes the second fail.
TEST_F(Load, ADriverLoadsAgainAfterItsUnload) {
    for (int round = 0; round < 3; ++round) {
        ASSERT_EQ(load(), STATUS_SUCCESS);
        EXPECT_TRUE(executive().driver_loaded());
        EXPECT_EQ(load(), STATUS_ALREADY_REGISTERED);
        EXPECT_EQ(executive().unload_driver(), host::UnloadResult::kUnloaded);
        EXPECT_FALSE(executive().driver_loaded());
        EXPECT_EQ(executive().unload_driver(), host::UnloadResult::kNotLoaded);
    }
}

// Catches: DriverUnload called after a failed DriverEntry.
TEST_F(Load, AFailedLoadLeavesNothingAndIsNotUnloaded) {
    driver_hooks().unload = [](PDRIVER_OBJECT) { ADD_FAILURE() << "DriverUnload called"; };
    fail_after([](PDRIVER_OBJECT) {});
    EXPECT_EQ(load(), STATUS_UNSUCCESSFUL);
    EXPECT_FALSE(executive().driver_loaded());
    driver_hooks() = {};
    EXPECT_EQ(load(), STATUS_SUCCESS);
}

// Catches: an unload while handles are open; new opens during the wait; an unload that the last close forgets.
TEST_F(Load, AnUnloadWaitsForTheLastHandle) {
    int unloads = 0;
    driver_hooks().unload = [&](PDRIVER_OBJECT driver) {
        ++unloads;
        delete_test_device(driver);
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    const host::ProcessHandle first = open(process);
    const host::ProcessHandle second = open(process);
    EXPECT_EQ(executive().unload_driver(), host::UnloadResult::kPending);
    EXPECT_EQ(executive().unload_driver(), host::UnloadResult::kPending);
    EXPECT_EQ(executive().open(*process, u"\\??\\Test", kReadWrite).status, STATUS_NO_SUCH_DEVICE);
    EXPECT_EQ(executive().device_control(*process, first, kEcho, {}, {}).status, STATUS_SUCCESS);
    executive().close(*process, first);
    EXPECT_EQ(unloads, 0);
    executive().close(*process, second);
    EXPECT_EQ(unloads, 1);
    EXPECT_FALSE(executive().driver_loaded());
}

// Opens, closes and one unload at once: whatever the order, the driver unloads once and nothing is left.
// Catches: the race between the last close and the unload (drop the lock around IoState::close's decision).
TEST_F(Load, ClosesAndUnloadMayRace) {
    std::atomic<int> unloads{0};
    driver_hooks().unload = [&](PDRIVER_OBJECT driver) {
        ++unloads;
        delete_test_device(driver);
    };
    for (int round = 0; round < 50; ++round) {
        ASSERT_EQ(load(), STATUS_SUCCESS);
        const auto open_and_close = [&](std::uint32_t pid) {
            const host::ProcessRef process = client(pid);
            host::HandleResult result = executive().open(*process, u"\\??\\Test", kReadWrite);
            while (NT_SUCCESS(result.status)) {
                executive().close(*process, result.handle);
                result = executive().open(*process, u"\\??\\Test", kReadWrite);
            }
            executive().exit_process(process);
        };
        std::thread first(open_and_close, 100);
        std::thread second(open_and_close, 200);
        executive().unload_driver();
        first.join();
        second.join();
        EXPECT_FALSE(executive().driver_loaded());
    }
    EXPECT_EQ(unloads.load(), 50);
}

// Catches: a device that can be opened before DriverEntry has secured it.
TEST_F(Load, ADeviceCannotBeOpenedDuringDriverEntry) {
    const host::ProcessRef process = client(100);
    driver_hooks().entry = [&](PDRIVER_OBJECT driver, PUNICODE_STRING) {
        const NTSTATUS status = create_test_device(driver);
        EXPECT_EQ(driver->DeviceObject->Flags & DO_DEVICE_INITIALIZING, DO_DEVICE_INITIALIZING);
        EXPECT_EQ(executive().open(*process, u"\\??\\Test", kReadWrite).status, STATUS_NO_SUCH_DEVICE);
        return status;
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    EXPECT_EQ(executive().open(*process, u"\\??\\Test", kReadWrite).status, STATUS_SUCCESS);
    executive().exit_process(process);
}

// Catches: DriverEntry run in another process than the system, or without its registry path.
TEST_F(Load, DriverEntryRunsInTheSystemProcess) {
    driver_hooks().entry = [](PDRIVER_OBJECT driver, PUNICODE_STRING path) {
        EXPECT_EQ(PsGetCurrentProcess(), PsInitialSystemProcess);
        EXPECT_EQ(PsGetCurrentProcessId(), reinterpret_cast<HANDLE>(4));
        EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
        EXPECT_EQ(ExGetPreviousMode(), KernelMode);
        EXPECT_EQ(std::u16string(path->Buffer, path->Length / sizeof(WCHAR)),
                  u"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\AegisMon");
        return create_test_device(driver);
    };
    EXPECT_EQ(load(), STATUS_SUCCESS);
}

TEST_F(Load, ADriverWithoutUnloadStays) {
    driver_hooks().entry = [](PDRIVER_OBJECT driver, PUNICODE_STRING) {
        driver->DriverUnload = nullptr;
        return create_test_device(driver);
    };
    EXPECT_EXIT(
        {
            load();
            std::_Exit(executive().unload_driver() == host::UnloadResult::kNoUnloadRoutine ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
}

using Leak = Load;

TEST_F(Leak, OfPool) {
    fail_after([](PDRIVER_OBJECT) { ExAllocatePoolWithTag(NonPagedPoolNx, 123, kTag); });
    AEGIS_EXPECT_STOP(load(), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "after DriverEntry failed: pool block .* of 123 bytes with tag 'Test' allocated at ");
}

TEST_F(Leak, OfAnMdl) {
    fail_after([](PDRIVER_OBJECT) { IoAllocateMdl(nullptr, 100, FALSE, FALSE, nullptr); });
    AEGIS_EXPECT_STOP(load(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "MDL .* of 100 bytes");
}

TEST_F(Leak, OfADeviceAndItsLink) {
    fail_after([](PDRIVER_OBJECT driver) { create_test_device(driver); });
    AEGIS_EXPECT_STOP(load(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "symbolic link .*TEST; device .*Test");
}

TEST_F(Leak, OfAKernelHandle) {
    fail_after([](PDRIVER_OBJECT) {
        HANDLE handle = nullptr;
        ObOpenObjectByPointer(PsInitialSystemProcess, OBJ_KERNEL_HANDLE, nullptr, 0, nullptr, KernelMode, &handle);
    });
    AEGIS_EXPECT_STOP(load(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "kernel handle to process 4");
}

TEST_F(Leak, OfAReference) {
    fail_after([](PDRIVER_OBJECT) { ObReferenceObject(PsInitialSystemProcess); });
    AEGIS_EXPECT_STOP(load(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "1 reference.* to process 4");
}

TEST_F(Leak, OfASubjectContext) {
    fail_after([](PDRIVER_OBJECT) {
        SECURITY_SUBJECT_CONTEXT subject;
        SeCaptureSubjectContext(&subject);
    });
    AEGIS_EXPECT_STOP(load(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "1 captured subject context");
}

TEST_F(Leak, OfACallback) {
    fail_after([](PDRIVER_OBJECT) { PsSetCreateProcessNotifyRoutineEx(&ignore_processes, FALSE); });
    AEGIS_EXPECT_STOP(load(), "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS",
                      "process notify routine .* registered");
}

TEST_F(Leak, IsSoughtAfterUnloadToo) {
    driver_hooks().unload = [](PDRIVER_OBJECT) {};
    AEGIS_EXPECT_STOP(
        {
            load();
            executive().unload_driver();
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "after DriverUnload: symbolic link");
}

TEST_F(Leak, OfAWholeDriver) {
    AEGIS_EXPECT_STOP(
        {
            host::Executive* leaked = &executive();
            load();
            leaked->~Executive();
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "while a driver is loaded");
}

TEST_F(Load, StopsOnADeviceDeletedTwice) {
    driver_hooks().unload = [](PDRIVER_OBJECT driver) {
        PDEVICE_OBJECT device = driver->DeviceObject;
        delete_test_device(driver);
        IoDeleteDevice(device);
    };
    AEGIS_EXPECT_STOP(
        {
            load();
            executive().unload_driver();
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "no device or was deleted");
}

}  // namespace
}  // namespace aegis::test
