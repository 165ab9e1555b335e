#include "sensors/handle_protection.hpp"

#include "nt/process_id.hpp"
#include "nt/scope_guard.hpp"
#include "nt/system_routine.hpp"
#include "sensors/process_key.hpp"

namespace aegis::driver {

void HandleProtection::start(const RingChannel& channel, PolicyStore& policies) {
    channel_ = &channel;
    policies_ = &policies;
    // DriverEntry runs in the system process.
    system_ = PsGetCurrentProcessId();
    is_protected_process_ = find_system_routine<IsProtectedProcess>(u"PsIsProtectedProcess");
    locate_image_name_ = find_system_routine<LocateImageName>(u"SeLocateProcessImageName");
}

bool HandleProtection::forbids(PEPROCESS target) const {
    if (channel_->has_failed()) {
        return false;
    }
    const std::uint32_t process_id = process_id_number(PsGetProcessId(target));
    return policies_->protects(process_id, process_key(target).value) && !may_do_anything(PsGetCurrentProcessId());
}

bool HandleProtection::may_do_anything(HANDLE opener) const {
    if (opener == system_) {
        return true;
    }
    // By number: a thread may be attached to another process than its own.
    PEPROCESS process = nullptr;
    if (!NT_SUCCESS(PsLookupProcessByProcessId(opener, &process))) {
        return false;
    }
    ScopeGuard release([&] { ObDereferenceObject(process); });
    return (is_protected_process_ != nullptr && is_protected_process_(process)) || is_named_by_policy(process);
}

bool HandleProtection::is_named_by_policy(PEPROCESS opener) const {
    if (locate_image_name_ == nullptr || !policies_->allows_somebody()) {
        return false;
    }
    // As the kernel noted it when the process was made: nobody renames it afterwards.
    PUNICODE_STRING name = nullptr;
    if (!NT_SUCCESS(locate_image_name_(opener, &name))) {
        return false;
    }
    const bool allowed = policies_->allows({name->Buffer, name->Length / sizeof(WCHAR)});
    ExFreePool(name);
    return allowed;
}

}  // namespace aegis::driver
