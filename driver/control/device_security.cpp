#include "control/device_security.hpp"

#include <initializer_list>

#include "control/opener_policy.hpp"
#include "nt/scope_guard.hpp"

namespace aegis::driver {
namespace {

// A SID with room for the two subauthorities that built-in groups have; laid out as SID.
struct BuiltinSid {
    UCHAR revision;
    UCHAR subauthority_count;
    SID_IDENTIFIER_AUTHORITY authority;
    ULONG subauthorities[2];
};
static_assert(offsetof(BuiltinSid, subauthorities) == offsetof(SID, SubAuthority));

// Constants of our own: SeExports is no data under Wine.
BuiltinSid g_local_system = {1, 1, {{0, 0, 0, 0, 0, 5}}, {18, 0}};      // S-1-5-18
BuiltinSid g_administrators = {1, 2, {{0, 0, 0, 0, 0, 5}}, {32, 544}};  // S-1-5-32-544

// In whose name the request is to be checked: a driver that opens for a user says so. Any IRQL.
KPROCESSOR_MODE mode_to_check(PIRP irp) {
    const bool forced = (IoGetCurrentIrpStackLocation(irp)->Flags & SL_FORCE_ACCESS_CHECK) != 0;
    return forced ? static_cast<KPROCESSOR_MODE>(UserMode) : irp->RequestorMode;
}

}  // namespace

NTSTATUS DeviceSecurity::initialize() {
    auto* acl = reinterpret_cast<PACL>(acl_);
    NTSTATUS status = RtlCreateAcl(acl, sizeof(acl_), ACL_REVISION);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    for (BuiltinSid* sid : {&g_local_system, &g_administrators}) {
        status = RtlAddAccessAllowedAce(acl, ACL_REVISION, FILE_ALL_ACCESS, sid);
        if (!NT_SUCCESS(status)) {
            return status;
        }
    }
    status = RtlCreateSecurityDescriptor(&descriptor_, SECURITY_DESCRIPTOR_REVISION);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = RtlSetDaclSecurityDescriptor(&descriptor_, TRUE, acl, FALSE);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    // An access check wants an owner and a group in the descriptor, though only the DACL decides here.
    descriptor_.Owner = &g_administrators;
    descriptor_.Group = &g_local_system;
    return STATUS_SUCCESS;
}

NTSTATUS DeviceSecurity::apply_to(PDEVICE_OBJECT device) {
    HANDLE handle = nullptr;
    const NTSTATUS status =
        ObOpenObjectByPointer(device, OBJ_KERNEL_HANDLE, nullptr, WRITE_DAC, nullptr, KernelMode, &handle);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    ScopeGuard close_handle([&] { ZwClose(handle); });
    return ZwSetSecurityObject(handle, DACL_SECURITY_INFORMATION, &descriptor_);
}

NTSTATUS DeviceSecurity::check_opener(PIRP irp) {
    PIO_SECURITY_CONTEXT context = IoGetCurrentIrpStackLocation(irp)->Parameters.Create.SecurityContext;
    if (context == nullptr || context->AccessState == nullptr) {
        return admits_unknown_opener() ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
    }
    // What the opener asked for, with its generic rights. The context's DesiredAccess may be no more than what the I/O
    // manager's own check has left over: nothing, and a check for nothing fails.
    ACCESS_MASK desired = context->AccessState->OriginalDesiredAccess;
    RtlMapGenericMask(&desired, IoGetFileObjectGenericMapping());
    ACCESS_MASK granted = 0;
    NTSTATUS status = STATUS_ACCESS_DENIED;
    const BOOLEAN allowed =
        SeAccessCheck(&descriptor_, &context->AccessState->SubjectSecurityContext, FALSE, desired, 0, nullptr,
                      IoGetFileObjectGenericMapping(), mode_to_check(irp), &granted, &status);
    return allowed ? STATUS_SUCCESS : status;
}

}  // namespace aegis::driver
