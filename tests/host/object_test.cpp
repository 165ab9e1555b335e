// Handles, references, and what the object manager refuses.
#include <poll.h>

#include <algorithm>
#include <vector>

#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

HANDLE as_handle(host::ProcessHandle handle) {
    return reinterpret_cast<HANDLE>(handle);
}

NTSTATUS reference(HANDLE handle, ACCESS_MASK access, POBJECT_TYPE type, KPROCESSOR_MODE mode, PVOID* object) {
    return ObReferenceObjectByHandle(handle, access, type, mode, object, nullptr);
}

using Handle = ExecutiveTest;

// Catches: handle values that are not NT's (clients and drivers use the two low bits), or that repeat.
TEST_F(Handle, ValuesAreMultiplesOfFour) {
    const host::ProcessRef process = client(100);
    std::vector<host::ProcessHandle> handles;
    for (int index = 0; index < 10; ++index) {
        handles.push_back(executive().create_event(*process, NotificationEvent, false).handle);
        EXPECT_EQ(handles.back() % 4, 0U);
        EXPECT_NE(handles.back(), 0U);
    }
    std::sort(handles.begin(), handles.end());
    EXPECT_EQ(std::unique(handles.begin(), handles.end()), handles.end());
}

// Catches: any of the three checks of ObReferenceObjectByHandle left out.
TEST_F(Handle, AReferenceByHandleChecksHandleTypeAndAccess) {
    ASSERT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    const host::ProcessHandle event = executive().create_event(*process, NotificationEvent, false).handle;
    const host::ProcessHandle query_only =
        executive().duplicate_handle(*process, event, *process, EVENT_QUERY_STATE).handle;
    const host::ProcessHandle file = open(process);
    const host::ProcessScope scope(*process, UserMode);
    PVOID object = nullptr;
    EXPECT_EQ(reference(as_handle(0), 0, *ExEventObjectType, UserMode, &object), STATUS_INVALID_HANDLE);
    EXPECT_EQ(reference(as_handle(0x4444), 0, *ExEventObjectType, UserMode, &object), STATUS_INVALID_HANDLE);
    EXPECT_EQ(reference(as_handle(file), 0, *ExEventObjectType, UserMode, &object), STATUS_OBJECT_TYPE_MISMATCH);
    EXPECT_EQ(reference(NtCurrentProcess(), 0, *ExEventObjectType, UserMode, &object), STATUS_OBJECT_TYPE_MISMATCH);
    EXPECT_EQ(reference(as_handle(query_only), EVENT_MODIFY_STATE, *ExEventObjectType, UserMode, &object),
              STATUS_ACCESS_DENIED);
    EXPECT_EQ(object, nullptr);
    EXPECT_EQ(reference(as_handle(event), EVENT_MODIFY_STATE, *ExEventObjectType, UserMode, &object), STATUS_SUCCESS);
    ObDereferenceObject(object);
    EXPECT_EQ(reference(NtCurrentProcess(), 0, *PsProcessType, UserMode, &object), STATUS_SUCCESS);
    EXPECT_EQ(object, static_cast<PVOID>(PsGetCurrentProcess()));
    ObDereferenceObject(object);
    executive().close(*process, file);
}

// Catches: handles looked up in a table all processes share.
TEST_F(Handle, AHandleMeansNothingInAnotherProcess) {
    const host::ProcessRef owner = client(100);
    const host::ProcessRef other = client(200);
    const host::ProcessHandle handle = executive().create_event(*owner, NotificationEvent, false).handle;
    EXPECT_EQ(executive().set_event(*other, handle), STATUS_INVALID_HANDLE);
    EXPECT_EQ(executive().close(*other, handle), STATUS_INVALID_HANDLE);
    const host::HandleResult copy = executive().duplicate_handle(*owner, handle, *other);
    ASSERT_EQ(copy.status, STATUS_SUCCESS);
    EXPECT_EQ(executive().set_event(*other, copy.handle), STATUS_SUCCESS);
    const host::UniqueFd shared = executive().share_event(*owner, handle);
    pollfd entry{shared.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&entry, 1, 0), 1) << "both handles are of one event";
    EXPECT_FALSE(executive().share_event(*owner, 0x4444));
}

// Catches: access that grows on its way through a duplicate.
TEST_F(Handle, ADuplicateHasNoMoreAccessThanItsSource) {
    const host::ProcessRef process = client(100);
    const host::ProcessHandle event = executive().create_event(*process, NotificationEvent, false).handle;
    const host::HandleResult query = executive().duplicate_handle(*process, event, *process, EVENT_QUERY_STATE);
    ASSERT_EQ(query.status, STATUS_SUCCESS);
    EXPECT_EQ(executive().set_event(*process, query.handle), STATUS_ACCESS_DENIED);
    EXPECT_EQ(executive().duplicate_handle(*process, query.handle, *process, EVENT_MODIFY_STATE).status,
              STATUS_ACCESS_DENIED);
    EXPECT_EQ(executive().duplicate_handle(*process, 0x4444, *process).status, STATUS_INVALID_HANDLE);
}

TEST_F(Handle, StopsWhenAUserHandleIsTakenForTheKernels) {
    const host::ProcessRef process = client(100);
    const host::ProcessHandle event = executive().create_event(*process, NotificationEvent, false).handle;
    AEGIS_EXPECT_STOP(
        {
            const host::ProcessScope scope(*process, UserMode);
            PVOID object = nullptr;
            reference(as_handle(event), 0, *ExEventObjectType, KernelMode, &object);
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "user handle .* of process 100 used as KernelMode");
}

// Catches: user mode reaching the kernel's handle table.
TEST_F(Handle, AKernelHandleIsOutOfReachOfUserMode) {
    const host::ProcessRef process = client(100);
    HANDLE handle = nullptr;
    ASSERT_EQ(ObOpenObjectByPointer(process.get(), OBJ_KERNEL_HANDLE, nullptr, GENERIC_ALL, *PsProcessType, KernelMode,
                                    &handle),
              STATUS_SUCCESS);
    PVOID object = nullptr;
    {
        const host::ProcessScope scope(*process, UserMode);
        EXPECT_EQ(reference(handle, 0, *PsProcessType, UserMode, &object), STATUS_INVALID_HANDLE);
        EXPECT_EQ(reference(handle, 0, *PsProcessType, KernelMode, &object), STATUS_SUCCESS);
    }
    EXPECT_EQ(object, static_cast<PVOID>(process.get()));
    ObDereferenceObject(object);
    EXPECT_EQ(ZwClose(handle), STATUS_SUCCESS);
}

TEST_F(Handle, StopsWhenTheDriverLeavesOneInAClientsTable) {
    const host::ProcessRef process = client(100);
    AEGIS_EXPECT_STOP(
        {
            const host::ProcessScope scope(*process, UserMode);
            HANDLE handle = nullptr;
            ObOpenObjectByPointer(process.get(), 0, nullptr, GENERIC_ALL, *PsProcessType, KernelMode, &handle);
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "without OBJ_KERNEL_HANDLE in process 100");
}

TEST_F(Handle, StopsOnAHandleClosedTwiceByTheDriver) {
    const host::ProcessRef process = client(100);
    AEGIS_EXPECT_STOP(
        {
            HANDLE handle = nullptr;
            ObOpenObjectByPointer(process.get(), OBJ_KERNEL_HANDLE, nullptr, 0, *PsProcessType, KernelMode, &handle);
            ZwClose(handle);
            ZwClose(handle);
        },
        "INVALID_KERNEL_HANDLE", "no handle");
}

using Reference = ExecutiveTest;

TEST_F(Reference, StopsOnOneDereferenceTooMany) {
    const host::ProcessRef process = client(100);
    AEGIS_EXPECT_STOP(
        {
            ObReferenceObject(process.get());
            ObDereferenceObject(process.get());
            ObDereferenceObject(process.get());
        },
        "REFERENCE_BY_POINTER", "releases process 100 more often than it referenced it");
}

TEST_F(Reference, StopsOnWhatIsNoObject) {
    int local = 0;
    AEGIS_EXPECT_STOP(ObReferenceObject(&local), "REFERENCE_BY_POINTER", "no object");
}

// Catches: a lookup without a reference; one that finds a process after its exit.
TEST_F(Reference, ALookupByIdReferencesAProcessThatRuns) {
    const host::ProcessRef process = client(100);
    PEPROCESS found = nullptr;
    ASSERT_EQ(PsLookupProcessByProcessId(reinterpret_cast<HANDLE>(100), &found), STATUS_SUCCESS);
    EXPECT_EQ(PsGetProcessId(found), reinterpret_cast<HANDLE>(100));
    executive().exit_process(process);
    EXPECT_EQ(PsGetProcessId(found), reinterpret_cast<HANDLE>(100));
    ObDereferenceObject(found);
    EXPECT_EQ(PsLookupProcessByProcessId(reinterpret_cast<HANDLE>(100), &found), STATUS_INVALID_CID);
}

using Attach = ExecutiveTest;

// Catches: PsGetCurrentProcessId following the attachment, or PsGetCurrentProcess not doing so.
TEST_F(Attach, ChangesTheAddressesNotTheThread) {
    const host::ProcessRef own = client(100);
    const host::ProcessRef other = client(200);
    const host::ProcessScope scope(*own, UserMode);
    KAPC_STATE outer;
    KAPC_STATE inner;
    KeStackAttachProcess(reinterpret_cast<PRKPROCESS>(other.get()), &outer);
    EXPECT_EQ(static_cast<void*>(PsGetCurrentProcess()), other.get());
    EXPECT_EQ(PsGetCurrentProcessId(), reinterpret_cast<HANDLE>(100));
    KeStackAttachProcess(reinterpret_cast<PRKPROCESS>(own.get()), &inner);
    EXPECT_EQ(static_cast<void*>(PsGetCurrentProcess()), own.get());
    KeUnstackDetachProcess(&inner);
    EXPECT_EQ(static_cast<void*>(PsGetCurrentProcess()), other.get());
    KeUnstackDetachProcess(&outer);
    EXPECT_EQ(static_cast<void*>(PsGetCurrentProcess()), own.get());
}

TEST_F(Attach, StopsWhenUndoneOutOfOrder) {
    const host::ProcessRef process = client(100);
    AEGIS_EXPECT_STOP(
        {
            KAPC_STATE outer;
            KAPC_STATE inner;
            KeStackAttachProcess(reinterpret_cast<PRKPROCESS>(process.get()), &outer);
            KeStackAttachProcess(reinterpret_cast<PRKPROCESS>(process.get()), &inner);
            KeUnstackDetachProcess(&outer);
        },
        "INVALID_PROCESS_ATTACH_ATTEMPT", "last KeStackAttachProcess");
}

TEST_F(Attach, StopsWhenTheDriverReturnsAttached) {
    const host::ProcessRef process = client(200);
    KAPC_STATE state;
    driver_hooks().control = [&](PDEVICE_OBJECT, PIRP irp) {
        KeStackAttachProcess(reinterpret_cast<PRKPROCESS>(process.get()), &state);
        return complete(irp, STATUS_SUCCESS);
    };
    AEGIS_EXPECT_STOP(control(), "INVALID_PROCESS_ATTACH_ATTEMPT", "returned attached");
}

TEST_F(Attach, StopsAtDispatchLevel) {
    const host::ProcessRef process = client(100);
    AEGIS_EXPECT_STOP(
        {
            KSPIN_LOCK lock = 0;
            KeAcquireSpinLockRaiseToDpc(&lock);
            KAPC_STATE state;
            KeStackAttachProcess(reinterpret_cast<PRKPROCESS>(process.get()), &state);
        },
        "INVALID_PROCESS_ATTACH_ATTEMPT", "at IRQL 2");
}

}  // namespace
}  // namespace aegis::test
