// Opening, requests, closing: what the driver is handed, and what it may hand back.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

constexpr ULONG kReads = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_READ_ACCESS);
constexpr ULONG kWrites = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_BUFFERED, FILE_WRITE_ACCESS);

class Io : public ExecutiveTest {
  protected:
    // Calls that the driver got, as "create 100" with the calling process's id, in order.
    void record_calls() {
        const auto recorder = [this](const char* name) {
            return [this, name](PDEVICE_OBJECT, PIRP irp) {
                calls_.push_back(name + std::string(" ") +
                                 std::to_string(reinterpret_cast<std::uintptr_t>(PsGetCurrentProcessId())));
                return complete(irp, STATUS_SUCCESS);
            };
        };
        driver_hooks().create = recorder("create");
        driver_hooks().cleanup = recorder("cleanup");
        driver_hooks().close = recorder("close");
    }

    NTSTATUS open_status(const host::ProcessRef& process, std::u16string_view path, ACCESS_MASK access = kReadWrite) {
        const host::HandleResult result = executive().open(*process, path, access);
        EXPECT_EQ(result.handle != 0, NT_SUCCESS(result.status));
        return result.status;
    }

    std::vector<std::string> calls_;
};

// Catches: a name compared with its case; a link that resolves one way only; DosDevices unknown.
TEST_F(Io, ADeviceOpensByEveryOfItsNames) {
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    for (const std::u16string_view path : {u"\\Device\\Test", u"\\device\\TEST", u"\\??\\Test", u"\\??\\tEST",
                                           u"\\DosDevices\\Test", u"\\GLOBAL??\\Test"}) {
        EXPECT_EQ(open_status(process, path), STATUS_SUCCESS);
    }
    EXPECT_EQ(open_status(process, u"\\??\\Tes"), STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(open_status(process, u"\\??\\Testing"), STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(open_status(process, u"\\Device\\Tests"), STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(open_status(process, u"Device\\Test"), STATUS_OBJECT_PATH_SYNTAX_BAD);
    EXPECT_EQ(open_status(process, u""), STATUS_OBJECT_PATH_SYNTAX_BAD);
    executive().exit_process(process);
}

// Catches: the rest of the path lost, or handed to the driver without its backslash.
TEST_F(Io, WhatFollowsTheDevicesNameIsTheFilesName) {
    std::u16string name;
    driver_hooks().create = [&](PDEVICE_OBJECT, PIRP irp) {
        const UNICODE_STRING& file = IoGetCurrentIrpStackLocation(irp)->FileObject->FileName;
        name.assign(file.Buffer, file.Length / sizeof(WCHAR));
        return complete(irp, STATUS_SUCCESS);
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    EXPECT_EQ(open_status(process, u"\\??\\Test\\Some\\File"), STATUS_SUCCESS);
    EXPECT_EQ(name, u"\\Some\\File");
    executive().exit_process(process);
}

// Catches: the create request without what a driver's own access check needs.
TEST_F(Io, ACreateRequestSaysWhoOpensAndForWhat) {
    driver_hooks().create = [&](PDEVICE_OBJECT device, PIRP irp) {
        const IO_STACK_LOCATION& stack = *IoGetCurrentIrpStackLocation(irp);
        EXPECT_EQ(irp->RequestorMode, UserMode);
        EXPECT_EQ(ExGetPreviousMode(), UserMode);
        const ACCESS_STATE& state = *stack.Parameters.Create.SecurityContext->AccessState;
        EXPECT_EQ(stack.Parameters.Create.SecurityContext->DesiredAccess, FILE_GENERIC_READ);
        EXPECT_EQ(state.OriginalDesiredAccess, GENERIC_READ);
        EXPECT_EQ(state.SecurityDescriptor, device->SecurityDescriptor);
        SECURITY_SUBJECT_CONTEXT subject = state.SubjectSecurityContext;
        ACCESS_MASK granted = 0;
        NTSTATUS status = STATUS_SUCCESS;
        EXPECT_EQ(SeAccessCheck(device->SecurityDescriptor, &subject, TRUE, FILE_WRITE_DATA, 0, nullptr,
                                IoGetFileObjectGenericMapping(), UserMode, &granted, &status),
                  FALSE);
        return complete(irp, STATUS_SUCCESS);
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100, host::Account::kUser);
    EXPECT_EQ(open_status(process, u"\\??\\Test", GENERIC_READ), STATUS_SUCCESS);
    executive().exit_process(process);
}

// Catches: CLEANUP or CLOSE after a refused create, or none after an accepted one; one per handle instead of per open.
TEST_F(Io, AnOpenEndsWithCleanupAtTheLastHandleThenClose) {
    record_calls();
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef opener = client(100);
    const host::ProcessRef heir = client(200);
    const host::ProcessHandle handle = open(opener);
    const host::HandleResult copy = executive().duplicate_handle(*opener, handle, *heir);
    EXPECT_EQ(executive().close(*opener, handle), STATUS_SUCCESS);
    EXPECT_EQ(calls_, (std::vector<std::string>{"create 100"}));
    EXPECT_EQ(executive().close(*heir, copy.handle), STATUS_SUCCESS);
    EXPECT_EQ(calls_, (std::vector<std::string>{"create 100", "cleanup 200", "close 200"}));
}

TEST_F(Io, ARefusedCreateIsTheEndOfIt) {
    record_calls();
    driver_hooks().create = [](PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_QUOTA_EXCEEDED); };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    EXPECT_EQ(open_status(process, u"\\??\\Test"), STATUS_QUOTA_EXCEEDED);
    EXPECT_TRUE(calls_.empty());
    EXPECT_EQ(executive().unload_driver(), host::UnloadResult::kUnloaded);
}

// Catches: CLOSE at the last handle although the driver holds a reference.
TEST_F(Io, CloseWaitsForTheDriversReference) {
    record_calls();
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    const host::ProcessHandle handle = open(process);
    PVOID file = nullptr;
    {
        const host::ProcessScope scope(*process, UserMode);
        ASSERT_EQ(
            ObReferenceObjectByHandle(reinterpret_cast<HANDLE>(handle), 0, *IoFileObjectType, UserMode, &file, nullptr),
            STATUS_SUCCESS);
    }
    executive().close(*process, handle);
    EXPECT_EQ(calls_.back(), "cleanup 100");
    ObDereferenceObject(file);
    EXPECT_EQ(calls_.back(), "close 4");
}

// A last dereference at DISPATCH_LEVEL must not run the close there.
// Catches: destruction on the spot at any IRQL; a deferred object that is forgotten (LeakSanitizer, unload pending).
TEST_F(Io, ADereferenceAtDispatchLevelClosesLater) {
    PVOID file = nullptr;
    driver_hooks().close = [&](PDEVICE_OBJECT, PIRP irp) {
        EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
        calls_.emplace_back("close");
        return complete(irp, STATUS_SUCCESS);
    };
    driver_hooks().control = [&](PDEVICE_OBJECT, PIRP irp) {
        if (file == nullptr) {
            file = IoGetCurrentIrpStackLocation(irp)->FileObject;
            ObReferenceObject(file);
        } else {
            KSPIN_LOCK lock = 0;
            const KIRQL old = KeAcquireSpinLockRaiseToDpc(&lock);
            ObDereferenceObject(file);
            KeReleaseSpinLock(&lock, old);
            EXPECT_TRUE(calls_.empty());
        }
        return complete(irp, STATUS_SUCCESS);
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    const host::ProcessHandle kept = open(process);
    const host::ProcessHandle other = open(process);
    executive().device_control(*process, kept, kEcho, {}, {});
    executive().close(*process, kept);
    executive().device_control(*process, other, kEcho, {}, {});
    EXPECT_EQ(calls_, (std::vector<std::string>{"close"}));
    executive().exit_process(process);
}

// Catches: a system buffer of another size; output bytes that arrive zeroed; more than Information copied back.
TEST_F(Io, ABufferedRequestHasOneBufferOfTheLargerSize) {
    driver_hooks().control = [](PDEVICE_OBJECT, PIRP irp) {
        const auto& parameters = IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceIoControl;
        EXPECT_EQ(irp->RequestorMode, UserMode);
        EXPECT_EQ(parameters.InputBufferLength, 3U);
        EXPECT_EQ(parameters.OutputBufferLength, 8U);
        EXPECT_EQ(parameters.IoControlCode, kEcho);
        auto* buffer = static_cast<unsigned char*>(irp->AssociatedIrp.SystemBuffer);
        EXPECT_EQ(buffer[2], 3);
        EXPECT_EQ(buffer[3], host::kSystemBufferPoison);
        EXPECT_EQ(buffer[7], host::kSystemBufferPoison);
        buffer[0] = 77;
        return complete(irp, STATUS_SUCCESS, 5);
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    const std::array<std::byte, 3> input{std::byte{1}, std::byte{2}, std::byte{3}};
    std::array<std::byte, 8> output{};
    const host::IoResult result = executive().device_control(*process, open(process), kEcho, input, output);
    EXPECT_EQ(result.status, STATUS_SUCCESS);
    EXPECT_EQ(result.information, 5U);
    EXPECT_EQ(output[0], std::byte{77});
    EXPECT_EQ(output[1], std::byte{2});
    EXPECT_EQ(output[4], std::byte{host::kSystemBufferPoison});
    EXPECT_EQ(output[5], std::byte{0});
    executive().exit_process(process);
}

// Catches: bytes copied back for a failure; bytes withheld for a warning.
TEST_F(Io, AWarningReturnsBytesAndAFailureNone) {
    NTSTATUS status = STATUS_BUFFER_OVERFLOW;
    driver_hooks().control = [&](PDEVICE_OBJECT, PIRP irp) {
        *static_cast<unsigned char*>(irp->AssociatedIrp.SystemBuffer) = 9;
        return complete(irp, status, 1);
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    const host::ProcessHandle handle = open(process);
    std::array<std::byte, 1> output{};
    EXPECT_EQ(executive().device_control(*process, handle, kEcho, {}, output).information, 1U);
    EXPECT_EQ(output[0], std::byte{9});
    output[0] = std::byte{0};
    status = STATUS_INVALID_PARAMETER;
    EXPECT_EQ(executive().device_control(*process, handle, kEcho, {}, output).information, 0U);
    EXPECT_EQ(output[0], std::byte{0});
    executive().exit_process(process);
}

// Catches: the access bits of the code not compared with the handle, or compared after the driver saw the request.
TEST_F(Io, TheAccessBitsOfACodeAreCheckedFirst) {
    int seen = 0;
    driver_hooks().control = [&](PDEVICE_OBJECT, PIRP irp) {
        ++seen;
        return complete(irp, STATUS_SUCCESS);
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    const host::ProcessHandle reader = open(process, FILE_READ_DATA);
    const host::ProcessHandle writer = open(process, FILE_WRITE_DATA);
    EXPECT_EQ(executive().device_control(*process, reader, kWrites, {}, {}).status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(executive().device_control(*process, writer, kReads, {}, {}).status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(seen, 0);
    EXPECT_EQ(executive().device_control(*process, reader, kReads, {}, {}).status, STATUS_SUCCESS);
    EXPECT_EQ(executive().device_control(*process, writer, kWrites, {}, {}).status, STATUS_SUCCESS);
    EXPECT_EQ(executive().device_control(*process, 0x4444, kEcho, {}, {}).status, STATUS_INVALID_HANDLE);
    const host::ProcessHandle event = executive().create_event(*process, NotificationEvent, false).handle;
    EXPECT_EQ(executive().device_control(*process, event, kEcho, {}, {}).status, STATUS_OBJECT_TYPE_MISMATCH);
    executive().exit_process(process);
}

// Catches: an empty slot of the dispatch table called.
TEST_F(Io, AnUnhandledMajorFunctionIsRefusedByTheSystem) {
    driver_hooks().entry = [](PDRIVER_OBJECT driver, PUNICODE_STRING) {
        EXPECT_NE(driver->MajorFunction[IRP_MJ_READ], nullptr);
        driver->MajorFunction[IRP_MJ_WRITE] = nullptr;
        return create_test_device(driver);
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    const host::ProcessHandle handle = open(process);
    EXPECT_EQ(executive().request(*process, handle, IRP_MJ_READ).status, STATUS_INVALID_DEVICE_REQUEST);
    EXPECT_EQ(executive().request(*process, handle, IRP_MJ_WRITE).status, STATUS_INVALID_DEVICE_REQUEST);
    EXPECT_EQ(executive().request(*process, handle, IRP_MJ_CREATE).status, STATUS_INVALID_PARAMETER);
    executive().exit_process(process);
}

// What one kernel component asks of another: from kernel mode, of the device alone.
// Catches: a user-mode requestor, somebody's file object, output that does not come back.
TEST_F(Io, AKernelComponentNeedsNoHandle) {
    constexpr std::array<std::byte, 3> kInput{std::byte{1}, std::byte{2}, std::byte{3}};
    driver_hooks().control = [&](PDEVICE_OBJECT device, PIRP irp) {
        const IO_STACK_LOCATION& stack = *IoGetCurrentIrpStackLocation(irp);
        EXPECT_EQ(stack.MajorFunction, IRP_MJ_INTERNAL_DEVICE_CONTROL);
        EXPECT_EQ(stack.FileObject, nullptr);
        EXPECT_EQ(stack.DeviceObject, device);
        EXPECT_EQ(irp->RequestorMode, KernelMode);
        EXPECT_EQ(stack.Parameters.DeviceIoControl.IoControlCode, kEcho);
        EXPECT_EQ(stack.Parameters.DeviceIoControl.InputBufferLength, kInput.size());
        EXPECT_EQ(std::memcmp(irp->AssociatedIrp.SystemBuffer, kInput.data(), kInput.size()), 0);
        return complete(irp, STATUS_SUCCESS, 2);
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    std::array<std::byte, 8> output{};
    const host::IoResult result = executive().internal_device_control(u"\\Device\\Test", kEcho, kInput, output);
    EXPECT_EQ(result.status, STATUS_SUCCESS);
    EXPECT_EQ(result.information, 2U);
    EXPECT_EQ(output[1], std::byte{2});
    EXPECT_EQ(output[2], std::byte{0});
    EXPECT_EQ(executive().internal_device_control(u"\\Device\\Other", kEcho, {}, {}).status,
              STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(executive().internal_device_control(u"\\Device\\Test\\x", kEcho, {}, {}).status,
              STATUS_OBJECT_NAME_NOT_FOUND);
}

// Catches: a process whose request reaches the routine that trusts its callers.
TEST_F(Io, NoSystemCallMakesAnInternalRequest) {
    int seen = 0;
    driver_hooks().control = [&](PDEVICE_OBJECT, PIRP irp) {
        ++seen;
        return complete(irp, STATUS_SUCCESS);
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    const host::ProcessHandle handle = open(process);
    EXPECT_EQ(executive().request(*process, handle, IRP_MJ_INTERNAL_DEVICE_CONTROL).status, STATUS_INVALID_PARAMETER);
    EXPECT_EQ(seen, 0);
    executive().exit_process(process);
}

// Catches: a driver unloaded under a request, or never.
TEST_F(Io, AnInternalRequestKeepsTheDriverLoaded) {
    bool unloaded = false;
    driver_hooks().unload = [&](PDRIVER_OBJECT driver) {
        unloaded = true;
        delete_test_device(driver);
    };
    driver_hooks().control = [&](PDEVICE_OBJECT, PIRP irp) {
        std::thread([&] { EXPECT_EQ(executive().unload_driver(), host::UnloadResult::kPending); }).join();
        EXPECT_FALSE(unloaded);
        return complete(irp, STATUS_SUCCESS);
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    EXPECT_EQ(executive().internal_device_control(u"\\Device\\Test", kEcho, {}, {}).status, STATUS_SUCCESS);
    EXPECT_TRUE(unloaded);
    EXPECT_FALSE(executive().driver_loaded());
    EXPECT_EQ(executive().internal_device_control(u"\\Device\\Test", kEcho, {}, {}).status,
              STATUS_OBJECT_NAME_NOT_FOUND);
}

// Catches: a pended request reported before its completion.
TEST_F(Io, APendedRequestIsWaitedFor) {
    std::thread completer;
    driver_hooks().control = [&](PDEVICE_OBJECT, PIRP irp) {
        IoMarkIrpPending(irp);
        completer = std::thread([irp] { complete(irp, STATUS_SUCCESS, 0); });
        return STATUS_PENDING;
    };
    EXPECT_EQ(control().status, STATUS_SUCCESS);
    completer.join();
}

// Catches: an exclusive device opened twice; one that stays closed after its close.
TEST_F(Io, AnExclusiveDeviceOpensOnce) {
    driver_hooks().entry = [](PDRIVER_OBJECT driver, PUNICODE_STRING) {
        const NTSTATUS status = create_test_device(driver);
        driver->DeviceObject->Flags |= DO_EXCLUSIVE;
        return status;
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    const host::ProcessHandle handle = open(process);
    EXPECT_EQ(open_status(process, u"\\??\\Test"), STATUS_ACCESS_DENIED);
    executive().close(*process, handle);
    EXPECT_EQ(open_status(process, u"\\??\\Test"), STATUS_SUCCESS);
    executive().exit_process(process);
}

// Catches: names that can be taken twice.
TEST_F(Io, NamesAreUnique) {
    driver_hooks().entry = [](PDRIVER_OBJECT driver, PUNICODE_STRING) {
        const NTSTATUS status = create_test_device(driver);
        UNICODE_STRING name = counted(u"\\DEVICE\\test");
        UNICODE_STRING link = counted(u"\\DosDevices\\TEST");
        PDEVICE_OBJECT device = nullptr;
        EXPECT_EQ(IoCreateDevice(driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device),
                  STATUS_OBJECT_NAME_COLLISION);
        EXPECT_EQ(IoCreateSymbolicLink(&link, &name), STATUS_OBJECT_NAME_COLLISION);
        return status;
    };
    EXPECT_EQ(load(), STATUS_SUCCESS);
}

}  // namespace
}  // namespace aegis::test
