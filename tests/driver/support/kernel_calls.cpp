#include "driver/support/kernel_calls.hpp"

#include <ntifs.h>

#include <atomic>
#include <optional>
#include <string>

#include "driver/host/executive/text.hpp"

namespace aegis::test {
namespace {

// Set by the test's thread while nothing runs, read by any.
std::atomic<KernelCalls*> g_listener = nullptr;

void tell(const std::string& name) {
    if (KernelCalls* listener = g_listener.load(std::memory_order_acquire); listener != nullptr) {
        listener->call(name);
    }
}

}  // namespace

KernelCalls::KernelCalls() {
    g_listener.store(this, std::memory_order_release);
}

KernelCalls::~KernelCalls() {
    g_listener.store(nullptr, std::memory_order_release);
}

}  // namespace aegis::test

using aegis::test::g_listener;
using aegis::test::KernelCalls;
using aegis::test::tell;

extern "C" {

NTSTATUS NTAPI __real_IoCreateDevice(PDRIVER_OBJECT, ULONG, PUNICODE_STRING, DEVICE_TYPE, ULONG, BOOLEAN,
                                     PDEVICE_OBJECT*);
NTSTATUS NTAPI __wrap_IoCreateDevice(PDRIVER_OBJECT driver, ULONG extension, PUNICODE_STRING name, DEVICE_TYPE type,
                                     ULONG characteristics, BOOLEAN exclusive, PDEVICE_OBJECT* device) {
    tell("IoCreateDevice");
    return __real_IoCreateDevice(driver, extension, name, type, characteristics, exclusive, device);
}

void NTAPI __real_IoDeleteDevice(PDEVICE_OBJECT);
void NTAPI __wrap_IoDeleteDevice(PDEVICE_OBJECT device) {
    tell("IoDeleteDevice");
    __real_IoDeleteDevice(device);
}

NTSTATUS NTAPI __real_IoCreateSymbolicLink(PUNICODE_STRING, PUNICODE_STRING);
NTSTATUS NTAPI __wrap_IoCreateSymbolicLink(PUNICODE_STRING link, PUNICODE_STRING device) {
    tell("IoCreateSymbolicLink");
    return __real_IoCreateSymbolicLink(link, device);
}

NTSTATUS NTAPI __real_IoDeleteSymbolicLink(PUNICODE_STRING);
NTSTATUS NTAPI __wrap_IoDeleteSymbolicLink(PUNICODE_STRING link) {
    tell("IoDeleteSymbolicLink");
    return __real_IoDeleteSymbolicLink(link);
}

NTSTATUS NTAPI __real_ZwSetSecurityObject(HANDLE, SECURITY_INFORMATION, PSECURITY_DESCRIPTOR);
NTSTATUS NTAPI __wrap_ZwSetSecurityObject(HANDLE handle, SECURITY_INFORMATION what, PSECURITY_DESCRIPTOR descriptor) {
    tell("ZwSetSecurityObject");
    return __real_ZwSetSecurityObject(handle, what, descriptor);
}

NTSTATUS NTAPI __real_PsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE, BOOLEAN);
NTSTATUS NTAPI __wrap_PsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE routine, BOOLEAN remove) {
    tell(remove ? "PsSetCreateProcessNotifyRoutine remove" : "PsSetCreateProcessNotifyRoutine");
    const NTSTATUS status = __real_PsSetCreateProcessNotifyRoutine(routine, remove);
    if (!remove) {
        tell("PsSetCreateProcessNotifyRoutine done");
    }
    return status;
}

NTSTATUS NTAPI __real_PsSetCreateProcessNotifyRoutineEx(PCREATE_PROCESS_NOTIFY_ROUTINE_EX, BOOLEAN);
NTSTATUS NTAPI __wrap_PsSetCreateProcessNotifyRoutineEx(PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine, BOOLEAN remove) {
    tell(remove ? "PsSetCreateProcessNotifyRoutineEx remove" : "PsSetCreateProcessNotifyRoutineEx");
    const NTSTATUS status = __real_PsSetCreateProcessNotifyRoutineEx(routine, remove);
    if (!remove) {
        tell("PsSetCreateProcessNotifyRoutineEx done");
    }
    return status;
}

NTSTATUS NTAPI __real_ExUuidCreate(UUID*);
NTSTATUS NTAPI __wrap_ExUuidCreate(UUID* uuid) {
    tell("ExUuidCreate");
    return __real_ExUuidCreate(uuid);
}

NTSTATUS NTAPI __real_KeDelayExecutionThread(KPROCESSOR_MODE, BOOLEAN, PLARGE_INTEGER);
NTSTATUS NTAPI __wrap_KeDelayExecutionThread(KPROCESSOR_MODE mode, BOOLEAN alertable, PLARGE_INTEGER interval) {
    tell("KeDelayExecutionThread " + std::to_string(interval->QuadPart));
    return __real_KeDelayExecutionThread(mode, alertable, interval);
}

NTSTATUS NTAPI __real_PsSetCreateProcessNotifyRoutineEx2(ULONG, PVOID, BOOLEAN);
NTSTATUS NTAPI __wrap_PsSetCreateProcessNotifyRoutineEx2(ULONG type, PVOID routine, BOOLEAN remove) {
    tell(remove ? "PsSetCreateProcessNotifyRoutineEx2 remove" : "PsSetCreateProcessNotifyRoutineEx2");
    const NTSTATUS status = __real_PsSetCreateProcessNotifyRoutineEx2(type, routine, remove);
    if (!remove) {
        tell("PsSetCreateProcessNotifyRoutineEx2 done");
    }
    return status;
}

NTSTATUS NTAPI __real_PsSetCreateThreadNotifyRoutineEx(ULONG, PVOID);
NTSTATUS NTAPI __wrap_PsSetCreateThreadNotifyRoutineEx(ULONG type, PVOID routine) {
    tell("PsSetCreateThreadNotifyRoutineEx");
    const NTSTATUS status = __real_PsSetCreateThreadNotifyRoutineEx(type, routine);
    tell("PsSetCreateThreadNotifyRoutineEx done");
    return status;
}

NTSTATUS NTAPI __real_PsSetLoadImageNotifyRoutineEx(PLOAD_IMAGE_NOTIFY_ROUTINE, ULONG_PTR);
NTSTATUS NTAPI __wrap_PsSetLoadImageNotifyRoutineEx(PLOAD_IMAGE_NOTIFY_ROUTINE routine, ULONG_PTR flags) {
    tell("PsSetLoadImageNotifyRoutineEx");
    const NTSTATUS status = __real_PsSetLoadImageNotifyRoutineEx(routine, flags);
    tell("PsSetLoadImageNotifyRoutineEx done");
    return status;
}

NTSTATUS NTAPI __real_CmRegisterCallbackEx(PEX_CALLBACK_FUNCTION, PCUNICODE_STRING, PVOID, PVOID, PLARGE_INTEGER,
                                           PVOID);
NTSTATUS NTAPI __wrap_CmRegisterCallbackEx(PEX_CALLBACK_FUNCTION function, PCUNICODE_STRING altitude, PVOID driver,
                                           PVOID context, PLARGE_INTEGER cookie, PVOID reserved) {
    tell("CmRegisterCallbackEx");
    const NTSTATUS status = __real_CmRegisterCallbackEx(function, altitude, driver, context, cookie, reserved);
    tell("CmRegisterCallbackEx done");
    return status;
}

NTSTATUS NTAPI __real_ObRegisterCallbacks(POB_CALLBACK_REGISTRATION, PVOID*);
NTSTATUS NTAPI __wrap_ObRegisterCallbacks(POB_CALLBACK_REGISTRATION registration, PVOID* handle) {
    tell("ObRegisterCallbacks");
    const NTSTATUS status = __real_ObRegisterCallbacks(registration, handle);
    tell("ObRegisterCallbacks done");
    return status;
}

void NTAPI __real_ExReleaseFastMutex(PFAST_MUTEX);
void NTAPI __wrap_ExReleaseFastMutex(PFAST_MUTEX mutex) {
    tell("ExReleaseFastMutex");
    __real_ExReleaseFastMutex(mutex);
}

BOOLEAN NTAPI __real_ExAcquireRundownProtection(PEX_RUNDOWN_REF);
BOOLEAN NTAPI __wrap_ExAcquireRundownProtection(PEX_RUNDOWN_REF reference) {
    tell("ExAcquireRundownProtection");
    return __real_ExAcquireRundownProtection(reference);
}

void NTAPI __real_ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF);
void NTAPI __wrap_ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF reference) {
    tell("ExWaitForRundownProtectionRelease");
    __real_ExWaitForRundownProtectionRelease(reference);
}

PVOID NTAPI __real_ExAllocatePoolWithTag(POOL_TYPE, SIZE_T, ULONG);
PVOID NTAPI __wrap_ExAllocatePoolWithTag(POOL_TYPE type, SIZE_T bytes, ULONG tag) {
    tell("ExAllocatePoolWithTag");
    return __real_ExAllocatePoolWithTag(type, bytes, tag);
}

void NTAPI __real_ExFreePoolWithTag(PVOID, ULONG);
void NTAPI __wrap_ExFreePoolWithTag(PVOID block, ULONG tag) {
    tell("ExFreePoolWithTag");
    __real_ExFreePoolWithTag(block, tag);
}

void NTAPI __real_KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK, PKLOCK_QUEUE_HANDLE);
void NTAPI __wrap_KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK lock, PKLOCK_QUEUE_HANDLE handle) {
    tell("KeAcquireInStackQueuedSpinLock");
    __real_KeAcquireInStackQueuedSpinLock(lock, handle);
}

void NTAPI __real_KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE);
void NTAPI __wrap_KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE handle) {
    __real_KeReleaseInStackQueuedSpinLock(handle);
    tell("KeReleaseInStackQueuedSpinLock");
}

void NTAPI __real_KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE);
void NTAPI __wrap_KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE handle) {
    __real_KeReleaseInStackQueuedSpinLockFromDpcLevel(handle);
    tell("KeReleaseInStackQueuedSpinLockFromDpcLevel");
}

KIRQL NTAPI __real_KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK);
KIRQL NTAPI __wrap_KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK lock) {
    tell("KeAcquireSpinLockRaiseToDpc");
    return __real_KeAcquireSpinLockRaiseToDpc(lock);
}

void NTAPI __real_KeReleaseSpinLock(PKSPIN_LOCK, KIRQL);
void NTAPI __wrap_KeReleaseSpinLock(PKSPIN_LOCK lock, KIRQL irql) {
    tell("KeReleaseSpinLock");
    __real_KeReleaseSpinLock(lock, irql);
}

LONG NTAPI __real_KeSetEvent(PRKEVENT, KPRIORITY, BOOLEAN);
LONG NTAPI __wrap_KeSetEvent(PRKEVENT event, KPRIORITY increment, BOOLEAN wait) {
    tell("KeSetEvent");
    return __real_KeSetEvent(event, increment, wait);
}

void NTAPI __real_ExAcquireFastMutex(PFAST_MUTEX);
void NTAPI __wrap_ExAcquireFastMutex(PFAST_MUTEX mutex) {
    tell("ExAcquireFastMutex");
    __real_ExAcquireFastMutex(mutex);
}

void NTAPI __real_KeStackAttachProcess(PRKPROCESS, PRKAPC_STATE);
void NTAPI __wrap_KeStackAttachProcess(PRKPROCESS process, PRKAPC_STATE state) {
    tell("KeStackAttachProcess");
    __real_KeStackAttachProcess(process, state);
}

void NTAPI __real_KeUnstackDetachProcess(PRKAPC_STATE);
void NTAPI __wrap_KeUnstackDetachProcess(PRKAPC_STATE state) {
    tell("KeUnstackDetachProcess");
    __real_KeUnstackDetachProcess(state);
}

void NTAPI __real_MmUnmapLockedPages(PVOID, PMDL);
void NTAPI __wrap_MmUnmapLockedPages(PVOID address, PMDL mdl) {
    tell("MmUnmapLockedPages");
    __real_MmUnmapLockedPages(address, mdl);
}

void NTAPI __real_IoFreeMdl(PMDL);
void NTAPI __wrap_IoFreeMdl(PMDL mdl) {
    tell("IoFreeMdl");
    __real_IoFreeMdl(mdl);
}

NTSTATUS NTAPI __real_ObReferenceObjectByHandle(HANDLE, ACCESS_MASK, POBJECT_TYPE, KPROCESSOR_MODE, PVOID*,
                                                POBJECT_HANDLE_INFORMATION);
NTSTATUS NTAPI __wrap_ObReferenceObjectByHandle(HANDLE handle, ACCESS_MASK access, POBJECT_TYPE type,
                                                KPROCESSOR_MODE mode, PVOID* object,
                                                POBJECT_HANDLE_INFORMATION information) {
    tell("ObReferenceObjectByHandle");
    return __real_ObReferenceObjectByHandle(handle, access, type, mode, object, information);
}

PVOID NTAPI __real_MmGetSystemRoutineAddress(PUNICODE_STRING);
PVOID NTAPI __wrap_MmGetSystemRoutineAddress(PUNICODE_STRING name) {
    const KernelCalls* listener = g_listener.load(std::memory_order_acquire);
    const std::string wanted = aegis::host::to_utf8(aegis::host::view(name));
    const std::optional<void*> pretended = listener != nullptr ? listener->pretended(wanted) : std::nullopt;
    return pretended ? *pretended : __real_MmGetSystemRoutineAddress(name);
}

LONG_PTR NTAPI __real_ObfDereferenceObject(PVOID);
LONG_PTR NTAPI __wrap_ObfDereferenceObject(PVOID object) {
    tell("ObfDereferenceObject");
    return __real_ObfDereferenceObject(object);
}

}  // extern "C"
