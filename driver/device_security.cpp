#include "device_security.hpp"

#include <initializer_list>

#include "scope_guard.hpp"

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

// True on the one executive that passes no security context with IRP_MJ_CREATE. IRQL PASSIVE_LEVEL.
bool is_wine() {
    UNICODE_STRING name = unicode_literal(u"wine_ntoskrnl_main_loop");
    return MmGetSystemRoutineAddress(&name) != nullptr;
}

}  // namespace

NTSTATUS DeviceSecurity::initialize() {
    opener_is_known_ = !is_wine();

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
        // Windows always says who opens; Wine never does, and leaves the device's own DACL as the only check.
        return opener_is_known_ ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
    }
    ACCESS_MASK granted = 0;
    NTSTATUS status = STATUS_ACCESS_DENIED;
    const BOOLEAN allowed =
        SeAccessCheck(&descriptor_, &context->AccessState->SubjectSecurityContext, FALSE, context->DesiredAccess, 0,
                      nullptr, IoGetFileObjectGenericMapping(), irp->RequestorMode, &granted, &status);
    return allowed ? STATUS_SUCCESS : status;
}

}  // namespace aegis::driver
