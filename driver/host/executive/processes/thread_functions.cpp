// The Ps… calls about threads, and the query of one.
#include <fmt/format.h>
#include <ntifs.h>

#include <cstring>
#include <optional>

#include "driver/host/executive/objects/kernel_handle.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/processes/thread.hpp"
#include "driver/host/executive/processes/thread_routines.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

Thread& require_thread(void* body, const char* function) {
    Object* object = executive_parts().objects.find(body);
    if (object == nullptr || &object->type() != &thread_object_type) {
        verifier_stop(Bugcheck::kReferenceByPointer, fmt::format("{} of {}, which is no thread", function, body));
    }
    return static_cast<Thread&>(*object);
}

}  // namespace
}  // namespace aegis::host

using namespace aegis::host;

extern "C" HANDLE NTAPI PsGetThreadId(PETHREAD Thread) {
    return to_nt(require_thread(Thread, "PsGetThreadId").tid());
}

extern "C" PEPROCESS NTAPI IoThreadToProcess(PETHREAD Thread) {
    return to_nt(require_thread(Thread, "IoThreadToProcess").process());
}

extern "C" BOOLEAN NTAPI PsIsSystemThread(PETHREAD Thread) {
    return require_thread(Thread, "PsIsSystemThread").is_system() ? TRUE : FALSE;
}

extern "C" NTSTATUS NTAPI PsGetThreadExitStatus(PETHREAD Thread) {
    return require_thread(Thread, "PsGetThreadExitStatus").exit_status();
}

extern "C" NTSTATUS NTAPI PsLookupThreadByThreadId(HANDLE ThreadId, PETHREAD* Thread) {
    require_irql(APC_LEVEL, "PsLookupThreadByThreadId");
    ExecutiveParts& parts = executive_parts();
    if (parts.faults.should_fail("PsLookupThreadByThreadId")) {
        return STATUS_INVALID_CID;
    }
    const auto found = parts.threads.find(static_cast<std::uint32_t>(reinterpret_cast<ULONG_PTR>(ThreadId)));
    if (!found) {
        return STATUS_INVALID_CID;
    }
    found->reference_by_driver();
    *Thread = to_nt(*found);
    return STATUS_SUCCESS;
}

extern "C" NTSTATUS NTAPI ZwQueryInformationThread(HANDLE ThreadHandle, ULONG ThreadInformationClass,
                                                   PVOID ThreadInformation, ULONG ThreadInformationLength,
                                                   PULONG ReturnLength) {
    require_irql(PASSIVE_LEVEL, "ZwQueryInformationThread");
    ExecutiveParts& parts = executive_parts();
    if (parts.faults.should_fail("ZwQueryInformationThread")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (ThreadInformationClass != ThreadQuerySetWin32StartAddress) {
        return STATUS_INVALID_INFO_CLASS;
    }
    if (ThreadInformationLength != sizeof(PVOID)) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    if (!is_kernel_handle(ThreadHandle)) {
        return STATUS_INVALID_HANDLE;
    }
    const HandleTable::Lookup entry = parts.processes.system().handles.find(handle_value(ThreadHandle));
    if (!entry.object) {
        return STATUS_INVALID_HANDLE;
    }
    if (&entry.object->type() != &thread_object_type) {
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    if ((entry.granted & THREAD_QUERY_INFORMATION) == 0) {
        return STATUS_ACCESS_DENIED;
    }
    const std::optional<std::uint64_t> address = static_cast<aegis::host::Thread&>(*entry.object).start_address();
    if (!address) {
        return STATUS_NOT_SUPPORTED;
    }
    std::memcpy(ThreadInformation, &*address, sizeof(*address));
    if (ReturnLength != nullptr) {
        *ReturnLength = sizeof(*address);
    }
    return STATUS_SUCCESS;
}
