// Subject contexts and access checks: the Se… calls.
#include <fmt/format.h>
#include <ntifs.h>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/security/security_descriptor.hpp"
#include "driver/host/executive/security/token.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

using namespace aegis::host;

extern "C" void NTAPI SeCaptureSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext) {
    require_irql(APC_LEVEL, "SeCaptureSubjectContext");
    executive_parts().subject_contexts.fetch_add(1, std::memory_order_relaxed);
    *SubjectContext = subject_context(thread_process());
}

extern "C" void NTAPI SeReleaseSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext) {
    require_irql(APC_LEVEL, "SeReleaseSubjectContext");
    if (executive_parts().subject_contexts.fetch_sub(1, std::memory_order_relaxed) <= 0) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      "SeReleaseSubjectContext of a context that was not captured");
    }
    *SubjectContext = {};
}

extern "C" BOOLEAN NTAPI SeAccessCheck(PSECURITY_DESCRIPTOR SecurityDescriptor,
                                       PSECURITY_SUBJECT_CONTEXT SubjectSecurityContext, BOOLEAN,
                                       ACCESS_MASK DesiredAccess, ACCESS_MASK PreviouslyGrantedAccess,
                                       PPRIVILEGE_SET* Privileges, PGENERIC_MAPPING GenericMapping,
                                       KPROCESSOR_MODE AccessMode, PACCESS_MASK GrantedAccess, PNTSTATUS AccessStatus) {
    require_irql(PASSIVE_LEVEL, "SeAccessCheck");
    // A checked build of NT asserts it; any other finds generic rights in no ACE.
    if ((DesiredAccess & (GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL)) != 0) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("SeAccessCheck of {:#x}, whose generic rights are not mapped", DesiredAccess));
    }
    if (Privileges != nullptr) {
        *Privileges = nullptr;
    }
    const auto* token = static_cast<const Token*>(SubjectSecurityContext->ClientToken != nullptr
                                                      ? SubjectSecurityContext->ClientToken
                                                      : SubjectSecurityContext->PrimaryToken);
    AccessDecision decision{STATUS_ACCESS_DENIED, 0};
    if (executive_parts().faults.should_fail("SeAccessCheck")) {
        // Denied: the one way this call fails.
    } else if (AccessMode == KernelMode) {
        decision = {STATUS_SUCCESS, PreviouslyGrantedAccess | DesiredAccess};
    } else if (SecurityDescriptor != nullptr) {
        const DescriptorView view = view_descriptor(SecurityDescriptor);
        if (view.valid && (view.owner == nullptr || view.group == nullptr)) {
            // Neither decides anything here, and NT wants both.
            decision.status = STATUS_INVALID_SECURITY_DESCR;
        } else if (view.valid && (view.dacl == nullptr || acl_is_valid(view.dacl))) {
            decision = check_access(view, *token, *GenericMapping, DesiredAccess, PreviouslyGrantedAccess);
        }
    }
    *GrantedAccess = decision.granted;
    *AccessStatus = decision.status;
    return NT_SUCCESS(decision.status) ? TRUE : FALSE;
}
