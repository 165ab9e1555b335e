#include "driver/host/executive/exports.hpp"

#include <ntifs.h>

#include <algorithm>
#include <string>
#include <vector>

#include "driver/host/executive/etw/trace_providers.hpp"
#include "driver/host/executive/memory/user_memory.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/image_routines.hpp"
#include "driver/host/executive/processes/notify_routines.hpp"
#include "driver/host/executive/processes/thread_routines.hpp"
#include "driver/host/executive/registry/callbacks.hpp"
#include "driver/host/executive/registry/key_names.hpp"
#include "driver/host/executive/runtime.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/system_time.hpp"
#include "driver/host/executive/text.hpp"

namespace aegis::host {
namespace {

// Only a macro can name an export after its function.
#define AEGIS_FUNCTION(name)                      \
    Export {                                      \
#name, reinterpret_cast < void*>(&(name)) \
    }

std::vector<Export> make_exports() {
    std::vector<Export> exports = {
        AEGIS_FUNCTION(CmCallbackGetKeyObjectID),
        AEGIS_FUNCTION(CmCallbackGetKeyObjectIDEx),
        AEGIS_FUNCTION(CmCallbackReleaseKeyObjectIDEx),
        AEGIS_FUNCTION(CmRegisterCallbackEx),
        AEGIS_FUNCTION(CmUnRegisterCallback),
        AEGIS_FUNCTION(DbgPrintEx),
        AEGIS_FUNCTION(EtwRegister),
        AEGIS_FUNCTION(EtwSetInformation),
        AEGIS_FUNCTION(EtwUnregister),
        AEGIS_FUNCTION(EtwWrite),
        AEGIS_FUNCTION(ExAcquireFastMutex),
        AEGIS_FUNCTION(ExAcquireRundownProtection),
        AEGIS_FUNCTION(ExAllocatePoolWithTag),
        AEGIS_FUNCTION(ExFreePool),
        AEGIS_FUNCTION(ExFreePoolWithTag),
        AEGIS_FUNCTION(ExGetPreviousMode),
        AEGIS_FUNCTION(ExInitializeRundownProtection),
        AEGIS_FUNCTION(ExReInitializeRundownProtection),
        AEGIS_FUNCTION(ExReleaseFastMutex),
        AEGIS_FUNCTION(ExReleaseRundownProtection),
        AEGIS_FUNCTION(ExRundownCompleted),
        AEGIS_FUNCTION(ExTryToAcquireFastMutex),
        AEGIS_FUNCTION(ExUuidCreate),
        AEGIS_FUNCTION(ExWaitForRundownProtectionRelease),
        AEGIS_FUNCTION(IoAllocateMdl),
        AEGIS_FUNCTION(IoCreateDevice),
        AEGIS_FUNCTION(IoCreateSymbolicLink),
        AEGIS_FUNCTION(IoDeleteDevice),
        AEGIS_FUNCTION(IoDeleteSymbolicLink),
        AEGIS_FUNCTION(IoFreeMdl),
        AEGIS_FUNCTION(IoGetCurrentProcess),
        AEGIS_FUNCTION(IoGetFileObjectGenericMapping),
        AEGIS_FUNCTION(IoThreadToProcess),
        AEGIS_FUNCTION(IofCompleteRequest),
        AEGIS_FUNCTION(KeAcquireInStackQueuedSpinLock),
        AEGIS_FUNCTION(KeAcquireInStackQueuedSpinLockAtDpcLevel),
        AEGIS_FUNCTION(KeAcquireSpinLockRaiseToDpc),
        AEGIS_FUNCTION(KeBugCheckEx),
        AEGIS_FUNCTION(KeClearEvent),
        AEGIS_FUNCTION(KeDelayExecutionThread),
        AEGIS_FUNCTION(KeEnterCriticalRegion),
        AEGIS_FUNCTION(KeGetCurrentIrql),
        AEGIS_FUNCTION(KeInitializeEvent),
        AEGIS_FUNCTION(KeLeaveCriticalRegion),
        AEGIS_FUNCTION(KeQuerySystemTime),
        AEGIS_FUNCTION(KeQuerySystemTimePrecise),
        AEGIS_FUNCTION(KeReadStateEvent),
        AEGIS_FUNCTION(KeReleaseInStackQueuedSpinLock),
        AEGIS_FUNCTION(KeReleaseInStackQueuedSpinLockFromDpcLevel),
        AEGIS_FUNCTION(KeReleaseSpinLock),
        AEGIS_FUNCTION(KeResetEvent),
        AEGIS_FUNCTION(KeSetEvent),
        AEGIS_FUNCTION(KeStackAttachProcess),
        AEGIS_FUNCTION(KeUnstackDetachProcess),
        AEGIS_FUNCTION(KeWaitForSingleObject),
        AEGIS_FUNCTION(MmBuildMdlForNonPagedPool),
        AEGIS_FUNCTION(MmCopyMemory),
        AEGIS_FUNCTION(MmGetSystemRoutineAddress),
        AEGIS_FUNCTION(MmMapLockedPagesSpecifyCache),
        AEGIS_FUNCTION(MmUnmapLockedPages),
        AEGIS_FUNCTION(ObGetFilterVersion),
        AEGIS_FUNCTION(ObOpenObjectByPointer),
        AEGIS_FUNCTION(ObReferenceObjectByHandle),
        AEGIS_FUNCTION(ObRegisterCallbacks),
        AEGIS_FUNCTION(ObUnRegisterCallbacks),
        AEGIS_FUNCTION(ObfDereferenceObject),
        AEGIS_FUNCTION(ObfReferenceObject),
        AEGIS_FUNCTION(PsDereferencePrimaryToken),
        AEGIS_FUNCTION(PsGetCurrentProcessId),
        AEGIS_FUNCTION(PsGetCurrentThreadId),
        AEGIS_FUNCTION(PsGetProcessCreateTimeQuadPart),
        AEGIS_FUNCTION(PsGetProcessExitStatus),
        AEGIS_FUNCTION(PsGetProcessId),
        AEGIS_FUNCTION(PsGetProcessStartKey),
        AEGIS_FUNCTION(PsGetThreadExitStatus),
        AEGIS_FUNCTION(PsGetThreadId),
        AEGIS_FUNCTION(PsIsProtectedProcess),
        AEGIS_FUNCTION(PsIsSystemThread),
        AEGIS_FUNCTION(PsLookupProcessByProcessId),
        AEGIS_FUNCTION(PsLookupThreadByThreadId),
        AEGIS_FUNCTION(PsReferencePrimaryToken),
        AEGIS_FUNCTION(PsRemoveCreateThreadNotifyRoutine),
        AEGIS_FUNCTION(PsRemoveLoadImageNotifyRoutine),
        AEGIS_FUNCTION(PsSetCreateProcessNotifyRoutine),
        AEGIS_FUNCTION(PsSetCreateProcessNotifyRoutineEx),
        AEGIS_FUNCTION(PsSetCreateProcessNotifyRoutineEx2),
        AEGIS_FUNCTION(PsSetCreateThreadNotifyRoutine),
        AEGIS_FUNCTION(PsSetCreateThreadNotifyRoutineEx),
        AEGIS_FUNCTION(PsSetLoadImageNotifyRoutine),
        AEGIS_FUNCTION(PsSetLoadImageNotifyRoutineEx),
        AEGIS_FUNCTION(RtlAddAccessAllowedAce),
        AEGIS_FUNCTION(RtlCreateAcl),
        AEGIS_FUNCTION(RtlCreateSecurityDescriptor),
        AEGIS_FUNCTION(RtlInitUnicodeString),
        AEGIS_FUNCTION(RtlLengthSid),
        AEGIS_FUNCTION(RtlMapGenericMask),
        AEGIS_FUNCTION(RtlSetDaclSecurityDescriptor),
        AEGIS_FUNCTION(RtlUpcaseUnicodeChar),
        AEGIS_FUNCTION(SeAccessCheck),
        AEGIS_FUNCTION(SeCaptureSubjectContext),
        AEGIS_FUNCTION(SeLocateProcessImageName),
        AEGIS_FUNCTION(SeQueryAuthenticationIdToken),
        AEGIS_FUNCTION(SeQueryInformationToken),
        AEGIS_FUNCTION(SeQuerySessionIdToken),
        AEGIS_FUNCTION(SeReleaseSubjectContext),
        AEGIS_FUNCTION(ZwClose),
        AEGIS_FUNCTION(ZwOpenKey),
        AEGIS_FUNCTION(ZwQueryInformationThread),
        AEGIS_FUNCTION(ZwQuerySecurityObject),
        AEGIS_FUNCTION(ZwQueryValueKey),
        AEGIS_FUNCTION(ZwSetSecurityObject),
        {"PsGetCurrentProcess", reinterpret_cast<void*>(&IoGetCurrentProcess)},
        {"RtlCopyMemory", reinterpret_cast<void*>(&nt_memcpy)},
        {"RtlMoveMemory", reinterpret_cast<void*>(&nt_memmove)},
        {"memcmp", reinterpret_cast<void*>(&nt_memcmp)},
        {"memcpy", reinterpret_cast<void*>(&nt_memcpy)},
        {"memmove", reinterpret_cast<void*>(&nt_memmove)},
        {"memset", reinterpret_cast<void*>(&nt_memset)},
        // Data. ntifs.h has pointers to these variables, the way an import table has.
        {"ExEventObjectType", static_cast<void*>(ExEventObjectType), true},
        {"IoFileObjectType", static_cast<void*>(IoFileObjectType), true},
        {"PsInitialSystemProcess", static_cast<void*>(&PsInitialSystemProcess), true},
        {"PsProcessType", static_cast<void*>(PsProcessType), true},
        {"PsThreadType", static_cast<void*>(PsThreadType), true},
        {"SeExports", static_cast<void*>(&SeExports), true},
    };
    std::sort(exports.begin(), exports.end(),
              [](const Export& left, const Export& right) { return left.name < right.name; });
    return exports;
}

#undef AEGIS_FUNCTION

}  // namespace

std::span<const Export> all_exports() {
    static const std::vector<Export> exports = make_exports();
    return exports;
}

void* find_export(std::string_view name) {
    const auto exports = all_exports();
    const auto found =
        std::lower_bound(exports.begin(), exports.end(), name,
                         [](const Export& entry, std::string_view wanted) { return entry.name < wanted; });
    return found != exports.end() && found->name == name ? found->address : nullptr;
}

}  // namespace aegis::host

extern "C" PVOID NTAPI MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName) {
    aegis::host::require_irql(PASSIVE_LEVEL, "MmGetSystemRoutineAddress");
    if (aegis::host::executive_parts().faults.should_fail("MmGetSystemRoutineAddress")) {
        return nullptr;
    }
    const std::string name = aegis::host::to_utf8(aegis::host::view(SystemRoutineName));
    const auto& other = aegis::host::executive_parts().options.other_exports;
    const auto found = other.find(name);
    return found != other.end() ? found->second : aegis::host::find_export(name);
}
