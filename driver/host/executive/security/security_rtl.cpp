// Building security descriptors: the Rtl… calls.
#include <ntifs.h>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/security/security_descriptor.hpp"
#include "driver/host/executive/security/token.hpp"
#include "driver/host/executive/sync/thread_state.hpp"

using namespace aegis::host;

extern "C" NTSTATUS NTAPI RtlCreateSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Revision) {
    require_irql(APC_LEVEL, "RtlCreateSecurityDescriptor");
    if (executive_parts().faults.should_fail("RtlCreateSecurityDescriptor") ||
        Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    *static_cast<PISECURITY_DESCRIPTOR>(SecurityDescriptor) = {};
    static_cast<PISECURITY_DESCRIPTOR>(SecurityDescriptor)->Revision = SECURITY_DESCRIPTOR_REVISION;
    return STATUS_SUCCESS;
}

extern "C" NTSTATUS NTAPI RtlSetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, BOOLEAN DaclPresent,
                                                       PACL Dacl, BOOLEAN DaclDefaulted) {
    require_irql(APC_LEVEL, "RtlSetDaclSecurityDescriptor");
    auto* descriptor = static_cast<PISECURITY_DESCRIPTOR>(SecurityDescriptor);
    if (executive_parts().faults.should_fail("RtlSetDaclSecurityDescriptor") ||
        descriptor->Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    if ((descriptor->Control & SE_SELF_RELATIVE) != 0) {
        return STATUS_INVALID_SECURITY_DESCR;
    }
    descriptor->Control &= static_cast<SECURITY_DESCRIPTOR_CONTROL>(~(SE_DACL_PRESENT | SE_DACL_DEFAULTED));
    descriptor->Dacl = nullptr;
    if (DaclPresent != FALSE) {
        descriptor->Control |= SE_DACL_PRESENT;
        descriptor->Control |= DaclDefaulted != FALSE ? SE_DACL_DEFAULTED : SECURITY_DESCRIPTOR_CONTROL{0};
        descriptor->Dacl = Dacl;
    }
    return STATUS_SUCCESS;
}

extern "C" NTSTATUS NTAPI RtlCreateAcl(PACL Acl, ULONG AclLength, ULONG AclRevision) {
    require_irql(APC_LEVEL, "RtlCreateAcl");
    if (executive_parts().faults.should_fail("RtlCreateAcl") || AclLength < sizeof(ACL)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    if (AclRevision != ACL_REVISION || AclLength > UINT16_MAX) {
        return STATUS_INVALID_PARAMETER;
    }
    *Acl = {static_cast<UCHAR>(AclRevision), 0, static_cast<USHORT>(AclLength & ~3U), 0, 0};
    return STATUS_SUCCESS;
}

extern "C" NTSTATUS NTAPI RtlAddAccessAllowedAce(PACL Acl, ULONG AceRevision, ACCESS_MASK AccessMask, PSID Sid) {
    require_irql(APC_LEVEL, "RtlAddAccessAllowedAce");
    if (executive_parts().faults.should_fail("RtlAddAccessAllowedAce")) {
        return STATUS_ALLOTTED_SPACE_EXCEEDED;
    }
    if (sid_length(Sid) == 0) {
        return STATUS_INVALID_SID;
    }
    if (AceRevision != ACL_REVISION || !acl_is_valid(Acl)) {
        return STATUS_INVALID_ACL;
    }
    return append_allowed_ace(Acl, AccessMask, Sid);
}

extern "C" void NTAPI RtlMapGenericMask(PACCESS_MASK AccessMask, PGENERIC_MAPPING GenericMapping) {
    *AccessMask = map_generic(*GenericMapping, *AccessMask);
}

extern "C" ULONG NTAPI RtlLengthSid(PSID Sid) {
    return static_cast<ULONG>(FIELD_OFFSET(SID, SubAuthority)) +
           static_cast<const SID*>(Sid)->SubAuthorityCount * static_cast<ULONG>(sizeof(ULONG));
}
