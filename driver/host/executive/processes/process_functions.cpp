// The Ps… calls about processes, and attaching to them.
#include <fmt/format.h>
#include <ntifs.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/processes/thread_routines.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

Process& require_process(void* body, const char* function) {
    Object* object = executive_parts().objects.find(body);
    if (object == nullptr || &object->type() != &process_object_type) {
        verifier_stop(Bugcheck::kReferenceByPointer, fmt::format("{} of {}, which is no process", function, body));
    }
    return static_cast<Process&>(*object);
}

}  // namespace
}  // namespace aegis::host

using namespace aegis::host;

extern "C" KPROCESSOR_MODE NTAPI ExGetPreviousMode() {
    require_irql(APC_LEVEL, "ExGetPreviousMode");
    return this_thread().previous_mode;
}

extern "C" PEPROCESS NTAPI IoGetCurrentProcess() {
    return to_nt(current_process());
}

// The thread's own process, attached or not: so it is on NT.
extern "C" HANDLE NTAPI PsGetCurrentProcessId() {
    return to_nt(thread_process().pid());
}

extern "C" HANDLE NTAPI PsGetCurrentThreadId() {
    return to_nt(this_thread().tid.value_or(static_cast<std::uint32_t>(::gettid())));
}

extern "C" HANDLE NTAPI PsGetProcessId(PEPROCESS Process) {
    return to_nt(require_process(Process, "PsGetProcessId").pid());
}

extern "C" BOOLEAN NTAPI PsIsProtectedProcess(PEPROCESS Process) {
    return require_process(Process, "PsIsProtectedProcess").is_protected() ? TRUE : FALSE;
}

// The caller frees it with ExFreePool. A process whose program has no name has an empty one.
extern "C" NTSTATUS NTAPI SeLocateProcessImageName(PEPROCESS Process, PUNICODE_STRING* ImageFileName) {
    require_irql(PASSIVE_LEVEL, "SeLocateProcessImageName");
    ExecutiveParts& parts = executive_parts();
    if (parts.faults.should_fail("SeLocateProcessImageName")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    constexpr ULONG kTag = 0x6D496553;  // "SeIm"
    const std::u16string path = require_process(Process, "SeLocateProcessImageName").image_path();
    const std::size_t bytes = path.size() * sizeof(WCHAR);
    auto* const name = static_cast<PUNICODE_STRING>(
        parts.pool.allocate(PagedPool, sizeof(UNICODE_STRING) + bytes, kTag, __builtin_return_address(0)));
    if (name == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    name->Length = static_cast<USHORT>(bytes);
    name->MaximumLength = static_cast<USHORT>(bytes);
    name->Buffer = bytes == 0 ? nullptr : reinterpret_cast<PWCH>(name + 1);
    std::memcpy(name + 1, path.data(), bytes);
    *ImageFileName = name;
    return STATUS_SUCCESS;
}

extern "C" ULONGLONG NTAPI PsGetProcessStartKey(PEPROCESS Process) {
    return require_process(Process, "PsGetProcessStartKey").start_key();
}

extern "C" LONGLONG NTAPI PsGetProcessCreateTimeQuadPart(PEPROCESS Process) {
    return require_process(Process, "PsGetProcessCreateTimeQuadPart").create_time();
}

extern "C" NTSTATUS NTAPI PsGetProcessExitStatus(PEPROCESS Process) {
    return require_process(Process, "PsGetProcessExitStatus").exit_status();
}

extern "C" PACCESS_TOKEN NTAPI PsReferencePrimaryToken(PEPROCESS Process) {
    require_irql(PASSIVE_LEVEL, "PsReferencePrimaryToken");
    return executive_parts().token_references.add(require_process(Process, "PsReferencePrimaryToken").primary_token());
}

extern "C" void NTAPI PsDereferencePrimaryToken(PACCESS_TOKEN PrimaryToken) {
    require_irql(PASSIVE_LEVEL, "PsDereferencePrimaryToken");
    executive_parts().token_references.remove(PrimaryToken);
}

extern "C" NTSTATUS NTAPI PsLookupProcessByProcessId(HANDLE ProcessId, PEPROCESS* Process) {
    require_irql(APC_LEVEL, "PsLookupProcessByProcessId");
    ExecutiveParts& parts = executive_parts();
    if (parts.faults.should_fail("PsLookupProcessByProcessId")) {
        return STATUS_INVALID_CID;
    }
    const auto found = parts.processes.find(static_cast<std::uint32_t>(reinterpret_cast<ULONG_PTR>(ProcessId)));
    if (!found) {
        return STATUS_INVALID_CID;
    }
    found->reference_by_driver();
    *Process = to_nt(*found);
    return STATUS_SUCCESS;
}

extern "C" void NTAPI KeStackAttachProcess(PRKPROCESS Process, PRKAPC_STATE ApcState) {
    ThreadState& thread = this_thread();
    if (thread.irql > APC_LEVEL) {
        verifier_stop(Bugcheck::kInvalidProcessAttachAttempt,
                      fmt::format("KeStackAttachProcess called at IRQL {}", thread.irql));
    }
    aegis::host::Process& target = require_process(Process, "KeStackAttachProcess");
    *ApcState = {};
    ApcState->Process = reinterpret_cast<PKPROCESS>(to_nt(current_process()));
    thread.attachments.push_back({&target, ApcState});
}

extern "C" void NTAPI KeUnstackDetachProcess(PRKAPC_STATE ApcState) {
    ThreadState& thread = this_thread();
    if (thread.irql > APC_LEVEL) {
        verifier_stop(Bugcheck::kInvalidProcessAttachAttempt,
                      fmt::format("KeUnstackDetachProcess called at IRQL {}", thread.irql));
    }
    if (thread.attachments.empty() || thread.attachments.back().state != ApcState) {
        verifier_stop(Bugcheck::kInvalidProcessAttachAttempt,
                      "KeUnstackDetachProcess does not undo the thread's last KeStackAttachProcess");
    }
    thread.attachments.pop_back();
}
