// The Ob… calls, ZwClose, and the security of objects.
#include <fmt/format.h>
#include <ntifs.h>

#include <cstring>
#include <utility>

#include "driver/host/executive/objects/handle_calls.hpp"
#include "driver/host/executive/objects/kernel_handle.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

POBJECT_TYPE exported_event_type = &event_object_type;
POBJECT_TYPE exported_file_type = &file_object_type;
POBJECT_TYPE exported_process_type = &process_object_type;
POBJECT_TYPE exported_thread_type = &thread_object_type;

Object& require_object(void* body, const char* function) {
    Object* object = executive_parts().objects.find(body);
    if (object == nullptr) {
        verifier_stop(Bugcheck::kReferenceByPointer, fmt::format("{} of {}, which is no object", function, body));
    }
    return *object;
}

HandleTable::Lookup current_process_pseudo_handle() {
    current_process().reference();
    return {Referenced<Object>(&current_process()), process_object_type.mapping.GenericAll};
}

// A handle as the driver passes it, in the mode it says the handle comes from.
HandleTable::Lookup look_up(HANDLE handle, KPROCESSOR_MODE mode) {
    if (handle == NtCurrentProcess()) {
        return current_process_pseudo_handle();
    }
    if (is_kernel_handle(handle)) {
        return mode == KernelMode ? executive_parts().processes.system().handles.find(handle_value(handle))
                                  : HandleTable::Lookup{};
    }
    Process& process = current_process();
    // Trusting a handle value that user mode chose skips every check of what it may be used for.
    if (mode == KernelMode && &process != &executive_parts().processes.system()) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("user handle {} of {} used as KernelMode", handle, process.describe()));
    }
    return process.handles.find(handle_value(handle));
}

}  // namespace
}  // namespace aegis::host

using namespace aegis::host;

extern "C" {
POBJECT_TYPE* ExEventObjectType = &exported_event_type;
POBJECT_TYPE* IoFileObjectType = &exported_file_type;
POBJECT_TYPE* PsProcessType = &exported_process_type;
POBJECT_TYPE* PsThreadType = &exported_thread_type;
}

extern "C" NTSTATUS NTAPI ObReferenceObjectByHandle(HANDLE Handle, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                                                    KPROCESSOR_MODE AccessMode, PVOID* Object,
                                                    POBJECT_HANDLE_INFORMATION HandleInformation) {
    require_irql(PASSIVE_LEVEL, "ObReferenceObjectByHandle");
    *Object = nullptr;
    if (executive_parts().faults.should_fail("ObReferenceObjectByHandle")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    const HandleTable::Lookup entry = look_up(Handle, AccessMode);
    if (!entry.object) {
        return STATUS_INVALID_HANDLE;
    }
    if (ObjectType != nullptr && ObjectType != &entry.object->type()) {
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    if (AccessMode != KernelMode && (DesiredAccess & ~entry.granted) != 0) {
        return STATUS_ACCESS_DENIED;
    }
    entry.object->reference_by_driver();
    *Object = entry.object->body();
    if (HandleInformation != nullptr) {
        *HandleInformation = {0, entry.granted};
    }
    return STATUS_SUCCESS;
}

extern "C" LONG_PTR NTAPI ObfReferenceObject(PVOID Object) {
    require_irql(DISPATCH_LEVEL, "ObfReferenceObject");
    return require_object(Object, "ObfReferenceObject").reference_by_driver();
}

extern "C" LONG_PTR NTAPI ObfDereferenceObject(PVOID Object) {
    require_irql(DISPATCH_LEVEL, "ObfDereferenceObject");
    return require_object(Object, "ObfDereferenceObject").dereference_by_driver();
}

extern "C" NTSTATUS NTAPI ObOpenObjectByPointer(PVOID Object, ULONG HandleAttributes, PACCESS_STATE,
                                                ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                                                KPROCESSOR_MODE AccessMode, PHANDLE Handle) {
    require_irql(PASSIVE_LEVEL, "ObOpenObjectByPointer");
    if (executive_parts().faults.should_fail("ObOpenObjectByPointer")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    aegis::host::Object& object = require_object(Object, "ObOpenObjectByPointer");
    if (ObjectType != nullptr ? ObjectType != &object.type() : AccessMode != KernelMode) {
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    ACCESS_MASK granted = map_generic(object.type().mapping, DesiredAccess);
    if (AccessMode != KernelMode && object.security() != nullptr) {
        const AccessDecision decision = check_access(view_descriptor(object.security()->current().data()),
                                                     thread_process().token(), object.type().mapping, DesiredAccess, 0);
        if (!NT_SUCCESS(decision.status)) {
            return decision.status;
        }
        granted = decision.granted;
    }
    const auto insert = [&](ACCESS_MASK left) { return insert_driver_handle(object, left, HandleAttributes, Handle); };
    if (!has_callbacks(object)) {
        return insert(granted);
    }
    const bool kernel_handle =
        (HandleAttributes & OBJ_KERNEL_HANDLE) != 0 || &current_process() == &executive_parts().processes.system();
    InterceptedHandle intercepted({OB_OPERATION_HANDLE_CREATE, &object, kernel_handle, granted, nullptr, nullptr});
    const NTSTATUS status = insert(intercepted.desired());
    intercepted.finish(status, intercepted.desired());
    return status;
}

extern "C" NTSTATUS NTAPI ZwClose(HANDLE Handle) {
    require_irql(PASSIVE_LEVEL, "ZwClose");
    const bool closed = is_kernel_handle(Handle)
                            ? executive_parts().processes.system().handles.close(handle_value(Handle))
                            : current_process().handles.close(handle_value(Handle));
    if (!closed) {
        verifier_stop(Bugcheck::kInvalidKernelHandle, fmt::format("ZwClose of {}, which is no handle", Handle));
    }
    return STATUS_SUCCESS;
}

extern "C" NTSTATUS NTAPI ZwSetSecurityObject(HANDLE Handle, SECURITY_INFORMATION SecurityInformation,
                                              PSECURITY_DESCRIPTOR SecurityDescriptor) {
    require_irql(PASSIVE_LEVEL, "ZwSetSecurityObject");
    if (executive_parts().faults.should_fail("ZwSetSecurityObject")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    const HandleTable::Lookup entry = look_up(Handle, KernelMode);
    if (!entry.object || entry.object->security() == nullptr) {
        return entry.object ? STATUS_OBJECT_TYPE_MISMATCH : STATUS_INVALID_HANDLE;
    }
    const ACCESS_MASK needed =
        ((SecurityInformation & DACL_SECURITY_INFORMATION) != 0 ? WRITE_DAC : 0) |
        ((SecurityInformation & (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION)) != 0 ? WRITE_OWNER : 0);
    if ((needed & ~entry.granted) != 0) {
        return STATUS_ACCESS_DENIED;
    }
    const DescriptorView changes = view_descriptor(SecurityDescriptor);
    if (!changes.valid) {
        return STATUS_INVALID_SECURITY_DESCR;
    }
    if (changes.dacl != nullptr && !acl_is_valid(changes.dacl)) {
        return STATUS_INVALID_ACL;
    }
    SecurityHolder& holder = *entry.object->security();
    holder.replace(merge_descriptors(view_descriptor(holder.current().data()), changes, SecurityInformation));
    return STATUS_SUCCESS;
}

extern "C" NTSTATUS NTAPI ZwQuerySecurityObject(HANDLE Handle, SECURITY_INFORMATION SecurityInformation,
                                                PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Length,
                                                PULONG ResultLength) {
    require_irql(PASSIVE_LEVEL, "ZwQuerySecurityObject");
    if (executive_parts().faults.should_fail("ZwQuerySecurityObject")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    const HandleTable::Lookup entry = look_up(Handle, KernelMode);
    if (!entry.object || entry.object->security() == nullptr) {
        return entry.object ? STATUS_OBJECT_TYPE_MISMATCH : STATUS_INVALID_HANDLE;
    }
    if ((entry.granted & READ_CONTROL) == 0) {
        return STATUS_ACCESS_DENIED;
    }
    const DescriptorBytes selected =
        merge_descriptors({}, view_descriptor(entry.object->security()->current().data()), SecurityInformation);
    *ResultLength = static_cast<ULONG>(selected.size());
    if (Length < selected.size()) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    std::memcpy(SecurityDescriptor, selected.data(), selected.size());
    return STATUS_SUCCESS;
}
