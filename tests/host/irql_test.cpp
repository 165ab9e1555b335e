// Each NT function above the IRQL up to which it may be called.
#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "driver/host/executive/etw/trace_providers.hpp"
#include "driver/host/executive/exports.hpp"
#include "driver/host/executive/memory/user_memory.hpp"
#include "driver/host/executive/processes/image_routines.hpp"
#include "driver/host/executive/processes/notify_routines.hpp"
#include "driver/host/executive/processes/thread_routines.hpp"
#include "driver/host/executive/registry/callbacks.hpp"
#include "driver/host/executive/registry/key_names.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

struct Limit {
    std::string function;
    KIRQL highest;
    std::function<void()> call;
};

// Arguments are null: the IRQL is looked at before they are.
std::vector<Limit> limits() {
    return {
        {"DbgPrintEx", PASSIVE_LEVEL, [] { DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, "%ws", u"wide"); }},
        {"EtwRegister", PASSIVE_LEVEL, [] { EtwRegister(nullptr, nullptr, nullptr, nullptr); }},
        {"EtwSetInformation", PASSIVE_LEVEL, [] { EtwSetInformation(0, 0, nullptr, 0); }},
        {"EtwUnregister", PASSIVE_LEVEL, [] { EtwUnregister(0); }},
        {"ExAcquireFastMutex", APC_LEVEL, [] { ExAcquireFastMutex(nullptr); }},
        {"ExAcquireRundownProtection", DISPATCH_LEVEL, [] { ExAcquireRundownProtection(nullptr); }},
        {"ExAllocatePoolWithTag", APC_LEVEL, [] { ExAllocatePoolWithTag(PagedPool, 1, kTag); }},
        {"ExAllocatePoolWithTag", DISPATCH_LEVEL, [] { ExAllocatePoolWithTag(NonPagedPoolNx, 1, kTag); }},
        {"ExFreePool", DISPATCH_LEVEL, [] { ExFreePool(nullptr); }},
        {"ExFreePoolWithTag", DISPATCH_LEVEL, [] { ExFreePoolWithTag(nullptr, kTag); }},
        {"ExGetPreviousMode", APC_LEVEL, [] { ExGetPreviousMode(); }},
        {"ExReleaseFastMutex", APC_LEVEL, [] { ExReleaseFastMutex(nullptr); }},
        {"ExReleaseRundownProtection", DISPATCH_LEVEL, [] { ExReleaseRundownProtection(nullptr); }},
        {"CmCallbackGetKeyObjectID", APC_LEVEL, [] { CmCallbackGetKeyObjectID(nullptr, nullptr, nullptr, nullptr); }},
        {"CmCallbackGetKeyObjectIDEx", APC_LEVEL,
         [] { CmCallbackGetKeyObjectIDEx(nullptr, nullptr, nullptr, nullptr, 0); }},
        {"CmCallbackReleaseKeyObjectIDEx", APC_LEVEL, [] { CmCallbackReleaseKeyObjectIDEx(nullptr); }},
        {"CmRegisterCallbackEx", APC_LEVEL,
         [] { CmRegisterCallbackEx(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr); }},
        {"CmUnRegisterCallback", APC_LEVEL, [] { CmUnRegisterCallback({}); }},
        {"ExTryToAcquireFastMutex", APC_LEVEL, [] { ExTryToAcquireFastMutex(nullptr); }},
        {"ExUuidCreate", PASSIVE_LEVEL, [] { ExUuidCreate(nullptr); }},
        {"ExWaitForRundownProtectionRelease", APC_LEVEL, [] { ExWaitForRundownProtectionRelease(nullptr); }},
        {"IoAllocateMdl", DISPATCH_LEVEL, [] { IoAllocateMdl(nullptr, 1, FALSE, FALSE, nullptr); }},
        {"IoCreateDevice", APC_LEVEL,
         [] { IoCreateDevice(nullptr, 0, nullptr, FILE_DEVICE_UNKNOWN, 0, FALSE, nullptr); }},
        {"IoCreateSymbolicLink", PASSIVE_LEVEL, [] { IoCreateSymbolicLink(nullptr, nullptr); }},
        {"IoDeleteDevice", APC_LEVEL, [] { IoDeleteDevice(nullptr); }},
        {"IoDeleteSymbolicLink", PASSIVE_LEVEL, [] { IoDeleteSymbolicLink(nullptr); }},
        {"IoFreeMdl", DISPATCH_LEVEL, [] { IoFreeMdl(nullptr); }},
        {"IofCompleteRequest", DISPATCH_LEVEL, [] { IofCompleteRequest(nullptr, 0); }},
        {"KeAcquireInStackQueuedSpinLock", DISPATCH_LEVEL, [] { KeAcquireInStackQueuedSpinLock(nullptr, nullptr); }},
        {"KeAcquireSpinLockRaiseToDpc", DISPATCH_LEVEL, [] { KeAcquireSpinLockRaiseToDpc(nullptr); }},
        {"KeDelayExecutionThread", APC_LEVEL, [] { KeDelayExecutionThread(KernelMode, FALSE, nullptr); }},
        {"KeEnterCriticalRegion", APC_LEVEL, [] { KeEnterCriticalRegion(); }},
        {"KeLeaveCriticalRegion", APC_LEVEL, [] { KeLeaveCriticalRegion(); }},
        {"KeReadStateEvent", DISPATCH_LEVEL, [] { KeReadStateEvent(nullptr); }},
        {"KeResetEvent", DISPATCH_LEVEL, [] { KeResetEvent(nullptr); }},
        {"KeSetEvent", APC_LEVEL, [] { KeSetEvent(nullptr, 0, TRUE); }},
        {"KeSetEvent", DISPATCH_LEVEL, [] { KeSetEvent(nullptr, 0, FALSE); }},
        {"KeStackAttachProcess", APC_LEVEL, [] { KeStackAttachProcess(nullptr, nullptr); }},
        {"KeUnstackDetachProcess", APC_LEVEL, [] { KeUnstackDetachProcess(nullptr); }},
        {"KeWaitForSingleObject", APC_LEVEL,
         [] { KeWaitForSingleObject(nullptr, Executive, KernelMode, FALSE, nullptr); }},
        {"MmBuildMdlForNonPagedPool", DISPATCH_LEVEL, [] { MmBuildMdlForNonPagedPool(nullptr); }},
        {"MmCopyMemory", APC_LEVEL, [] { MmCopyMemory(nullptr, nullptr, 0, 0, nullptr); }},
        {"MmGetSystemRoutineAddress", PASSIVE_LEVEL, [] { MmGetSystemRoutineAddress(nullptr); }},
        {"MmMapLockedPagesSpecifyCache", APC_LEVEL,
         [] { MmMapLockedPagesSpecifyCache(nullptr, UserMode, MmCached, nullptr, FALSE, NormalPagePriority); }},
        {"MmMapLockedPagesSpecifyCache", DISPATCH_LEVEL,
         [] { MmMapLockedPagesSpecifyCache(nullptr, KernelMode, MmCached, nullptr, FALSE, NormalPagePriority); }},
        {"MmUnmapLockedPages", APC_LEVEL, [] { MmUnmapLockedPages(nullptr, nullptr); }},
        {"ObRegisterCallbacks", APC_LEVEL, [] { ObRegisterCallbacks(nullptr, nullptr); }},
        {"ObUnRegisterCallbacks", APC_LEVEL, [] { ObUnRegisterCallbacks(nullptr); }},
        {"ObOpenObjectByPointer", PASSIVE_LEVEL,
         [] { ObOpenObjectByPointer(nullptr, 0, nullptr, 0, nullptr, KernelMode, nullptr); }},
        {"ObReferenceObjectByHandle", PASSIVE_LEVEL,
         [] { ObReferenceObjectByHandle(nullptr, 0, nullptr, KernelMode, nullptr, nullptr); }},
        {"ObfDereferenceObject", DISPATCH_LEVEL, [] { ObfDereferenceObject(nullptr); }},
        {"ObfReferenceObject", DISPATCH_LEVEL, [] { ObfReferenceObject(nullptr); }},
        {"PsDereferencePrimaryToken", PASSIVE_LEVEL, [] { PsDereferencePrimaryToken(nullptr); }},
        {"PsLookupProcessByProcessId", APC_LEVEL, [] { PsLookupProcessByProcessId(nullptr, nullptr); }},
        {"PsLookupThreadByThreadId", APC_LEVEL, [] { PsLookupThreadByThreadId(nullptr, nullptr); }},
        {"PsReferencePrimaryToken", PASSIVE_LEVEL, [] { PsReferencePrimaryToken(nullptr); }},
        {"PsRemoveCreateThreadNotifyRoutine", PASSIVE_LEVEL, [] { PsRemoveCreateThreadNotifyRoutine(nullptr); }},
        {"PsRemoveLoadImageNotifyRoutine", PASSIVE_LEVEL, [] { PsRemoveLoadImageNotifyRoutine(nullptr); }},
        {"PsSetCreateProcessNotifyRoutine", PASSIVE_LEVEL, [] { PsSetCreateProcessNotifyRoutine(nullptr, TRUE); }},
        {"PsSetCreateProcessNotifyRoutineEx", PASSIVE_LEVEL, [] { PsSetCreateProcessNotifyRoutineEx(nullptr, TRUE); }},
        {"PsSetCreateProcessNotifyRoutineEx2", PASSIVE_LEVEL,
         [] { PsSetCreateProcessNotifyRoutineEx2(PsCreateProcessNotifySubsystems, nullptr, TRUE); }},
        {"PsSetCreateThreadNotifyRoutine", PASSIVE_LEVEL, [] { PsSetCreateThreadNotifyRoutine(nullptr); }},
        {"PsSetCreateThreadNotifyRoutineEx", PASSIVE_LEVEL,
         [] { PsSetCreateThreadNotifyRoutineEx(PsCreateThreadNotifySubsystems, nullptr); }},
        {"PsSetLoadImageNotifyRoutine", PASSIVE_LEVEL, [] { PsSetLoadImageNotifyRoutine(nullptr); }},
        {"PsSetLoadImageNotifyRoutineEx", PASSIVE_LEVEL, [] { PsSetLoadImageNotifyRoutineEx(nullptr, 0); }},
        {"RtlAddAccessAllowedAce", APC_LEVEL, [] { RtlAddAccessAllowedAce(nullptr, 0, 0, nullptr); }},
        {"RtlCreateAcl", APC_LEVEL, [] { RtlCreateAcl(nullptr, 0, 0); }},
        {"RtlCreateSecurityDescriptor", APC_LEVEL, [] { RtlCreateSecurityDescriptor(nullptr, 0); }},
        {"RtlSetDaclSecurityDescriptor", APC_LEVEL,
         [] { RtlSetDaclSecurityDescriptor(nullptr, TRUE, nullptr, FALSE); }},
        {"RtlUpcaseUnicodeChar", PASSIVE_LEVEL, [] { RtlUpcaseUnicodeChar(u'a'); }},
        {"SeAccessCheck", PASSIVE_LEVEL,
         [] { SeAccessCheck(nullptr, nullptr, FALSE, 0, 0, nullptr, nullptr, UserMode, nullptr, nullptr); }},
        {"SeCaptureSubjectContext", APC_LEVEL, [] { SeCaptureSubjectContext(nullptr); }},
        {"SeLocateProcessImageName", PASSIVE_LEVEL, [] { SeLocateProcessImageName(nullptr, nullptr); }},
        {"SeQueryAuthenticationIdToken", PASSIVE_LEVEL, [] { SeQueryAuthenticationIdToken(nullptr, nullptr); }},
        {"SeQueryInformationToken", PASSIVE_LEVEL, [] { SeQueryInformationToken(nullptr, TokenUser, nullptr); }},
        {"SeQuerySessionIdToken", PASSIVE_LEVEL, [] { SeQuerySessionIdToken(nullptr, nullptr); }},
        {"SeReleaseSubjectContext", APC_LEVEL, [] { SeReleaseSubjectContext(nullptr); }},
        {"ZwClose", PASSIVE_LEVEL, [] { ZwClose(nullptr); }},
        {"ZwOpenKey", PASSIVE_LEVEL, [] { ZwOpenKey(nullptr, 0, nullptr); }},
        {"ZwQueryInformationThread", PASSIVE_LEVEL,
         [] { ZwQueryInformationThread(nullptr, ThreadQuerySetWin32StartAddress, nullptr, 0, nullptr); }},
        {"ZwQuerySecurityObject", PASSIVE_LEVEL, [] { ZwQuerySecurityObject(nullptr, 0, nullptr, 0, nullptr); }},
        {"ZwQueryValueKey", PASSIVE_LEVEL,
         [] { ZwQueryValueKey(nullptr, nullptr, KeyValuePartialInformation, nullptr, 0, nullptr); }},
        {"ZwSetSecurityObject", PASSIVE_LEVEL, [] { ZwSetSecurityObject(nullptr, 0, nullptr); }},
    };
}

// At any IRQL, or at DISPATCH_LEVEL exactly.
const std::set<std::string> kOthers{
    "EtwWrite",
    "ExInitializeRundownProtection",
    "ExReInitializeRundownProtection",
    "ExRundownCompleted",
    "IoGetCurrentProcess",
    "IoGetFileObjectGenericMapping",
    "IoThreadToProcess",
    "KeBugCheckEx",
    "KeClearEvent",
    "KeGetCurrentIrql",
    "KeInitializeEvent",
    "KeQuerySystemTime",
    "KeQuerySystemTimePrecise",
    "ObGetFilterVersion",
    "PsGetCurrentProcess",
    "PsGetCurrentProcessId",
    "PsGetCurrentThreadId",
    "PsGetProcessCreateTimeQuadPart",
    "PsGetProcessExitStatus",
    "PsGetProcessId",
    "PsGetProcessStartKey",
    "PsGetThreadExitStatus",
    "PsGetThreadId",
    "PsIsProtectedProcess",
    "PsIsSystemThread",
    "RtlCopyMemory",
    "RtlInitUnicodeString",
    "RtlLengthSid",
    "RtlMapGenericMask",
    "RtlMoveMemory",
    "memcmp",
    "memcpy",
    "memmove",
    "memset",
};
const std::set<std::string> kAtDispatchLevel{
    "KeAcquireInStackQueuedSpinLockAtDpcLevel",
    "KeReleaseInStackQueuedSpinLock",
    "KeReleaseInStackQueuedSpinLockFromDpcLevel",
    "KeReleaseSpinLock",
};
const std::set<std::string> kData{
    "ExEventObjectType", "IoFileObjectType", "PsInitialSystemProcess", "PsProcessType", "PsThreadType", "SeExports",
};

// For attaching NT has a code of its own.
std::string stop(const std::string& detail) {
    return "\\*\\*\\* STOP: (IRQL_NOT_LESS_OR_EQUAL|INVALID_PROCESS_ATTACH_ATTEMPT) \\(" + detail;
}

using Irql = ExecutiveTest;

// Catches: the IRQL not looked at by one of them, or another limit than NT's.
TEST_F(Irql, IsTooHighOneAboveEachLimit) {
    for (const Limit& limit : limits()) {
        EXPECT_DEATH(
            {
                host::change_irql(static_cast<KIRQL>(limit.highest + 1));
                limit.call();
            },
            stop(limit.function + ".* called at IRQL"))
            << limit.function;
    }
}

TEST_F(Irql, IsTooLowForWhatIsMadeForDispatchLevel) {
    KSPIN_LOCK lock;
    KLOCK_QUEUE_HANDLE entry{};
    const auto too_low = [](const std::function<void()>& call, const std::string& function) {
        EXPECT_DEATH(call(), stop(function + " called at IRQL 0, not at DISPATCH_LEVEL"));
    };
    KeInitializeSpinLock(&lock);
    too_low([&] { KeAcquireInStackQueuedSpinLockAtDpcLevel(&lock, &entry); },
            "KeAcquireInStackQueuedSpinLockAtDpcLevel");
    too_low([&] { KeReleaseInStackQueuedSpinLock(&entry); }, "KeReleaseInStackQueuedSpinLock");
    too_low([&] { KeReleaseInStackQueuedSpinLockFromDpcLevel(&entry); }, "KeReleaseInStackQueuedSpinLockFromDpcLevel");
    too_low([&] { KeReleaseSpinLock(&lock, PASSIVE_LEVEL); }, "KeReleaseSpinLock");
}

// Catches: a function that is added without a word about its IRQL.
TEST_F(Irql, IsKnownForEveryExport) {
    const std::vector<Limit> all = limits();
    for (const host::Export& entry : host::all_exports()) {
        const std::string name(entry.name);
        const bool limited =
            std::any_of(all.begin(), all.end(), [&](const Limit& limit) { return limit.function == name; });
        const auto kinds = limited + kOthers.count(name) + kAtDispatchLevel.count(name) + kData.count(name);
        EXPECT_EQ(kinds, 1U) << name;
    }
}

}  // namespace
}  // namespace aegis::test
