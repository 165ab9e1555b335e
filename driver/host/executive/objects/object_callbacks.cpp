#include "driver/host/executive/objects/object_callbacks.hpp"

#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "driver/host/executive/io/driver_call.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/notification.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/text.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

// The registrations whose callbacks this thread is inside of, innermost last.
std::vector<const void*>& running_here() {
    thread_local std::vector<const void*> running;
    return running;
}

// A number in decimal, perhaps with a fraction: "385000", "385000.5".
struct Altitude {
    std::string_view whole;
    std::string_view fraction;
};

Altitude parse_altitude(std::string_view text) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const std::size_t point = text.find('.');
    Altitude altitude{text.substr(0, point), point == std::string_view::npos ? "" : text.substr(point + 1)};
    const bool digits = std::all_of(altitude.whole.begin(), altitude.whole.end(), is_digit) &&
                        std::all_of(altitude.fraction.begin(), altitude.fraction.end(), is_digit);
    if (altitude.whole.empty() || !digits || (point != std::string_view::npos && altitude.fraction.empty())) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("ObRegisterCallbacks at altitude '{}', which is no decimal number", text));
    }
    altitude.whole.remove_prefix(std::min(altitude.whole.find_first_not_of('0'), altitude.whole.size()));
    altitude.fraction = altitude.fraction.substr(0, altitude.fraction.find_last_not_of('0') + 1);
    return altitude;
}

// Negative, 0, positive: lower, the same, higher.
int compare(const Altitude& left, const Altitude& right) {
    if (left.whole.size() != right.whole.size()) {
        return left.whole.size() < right.whole.size() ? -1 : 1;
    }
    const int whole = left.whole.compare(right.whole);
    return whole != 0 ? whole : left.fraction.compare(right.fraction);
}

// Whether an address lies in what a loaded program or library may execute.
bool is_program_code(const void* address) {
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    const auto look = [](dl_phdr_info* info, std::size_t, void* data) {
        const std::uintptr_t at = *static_cast<const std::uintptr_t*>(data);
        for (int i = 0; i < info->dlpi_phnum; ++i) {
            const auto& segment = info->dlpi_phdr[i];
            const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
            if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0 && at >= begin &&
                at - begin < segment.p_memsz) {
                return 1;
            }
        }
        return 0;
    };
    return dl_iterate_phdr(look, const_cast<std::uintptr_t*>(&wanted)) != 0;
}

// NT answers STATUS_ACCESS_DENIED to what lies in no image that it has loaded; such a driver has no business here.
void require_code(const void* routine) {
    if (routine != nullptr && !is_image_code(routine) && !is_program_code(routine)) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("an object callback at {}, outside of every image", routine));
    }
}

// STATUS_SUCCESS, or what NT says of a registration that it does not take.
NTSTATUS check(const OB_CALLBACK_REGISTRATION& registration) {
    constexpr OB_OPERATION kKnown = OB_OPERATION_HANDLE_CREATE | OB_OPERATION_HANDLE_DUPLICATE;
    if (registration.Version != OB_FLT_REGISTRATION_VERSION || registration.OperationRegistrationCount == 0) {
        return STATUS_INVALID_PARAMETER;
    }
    for (unsigned i = 0; i < registration.OperationRegistrationCount; ++i) {
        const OB_OPERATION_REGISTRATION& operation = registration.OperationRegistration[i];
        const bool supported =
            *operation.ObjectType == &process_object_type || *operation.ObjectType == &thread_object_type;
        if (!supported || operation.Operations == 0 || (operation.Operations & ~kKnown) != 0 ||
            (operation.PreOperation == nullptr && operation.PostOperation == nullptr)) {
            return STATUS_INVALID_PARAMETER;
        }
        if (operation.PreOperation == nullptr) {
            verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                          "an object callback after an operation without the one before it");
        }
        require_code(reinterpret_cast<const void*>(operation.PreOperation));
        require_code(reinterpret_cast<const void*>(operation.PostOperation));
    }
    return STATUS_SUCCESS;
}

// What NT lends a callback, unreadable in meaning behind it.
template <class Information, class Parameters>
struct Lent {
    Lent() { std::memset(static_cast<void*>(this), kPoolAllocatedPoison, sizeof(*this)); }
    ~Lent() { std::memset(static_cast<void*>(this), kPoolFreedPoison, sizeof(*this)); }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;

    Information information;
    Parameters parameters;
};

class InsideCallback {
  public:
    explicit InsideCallback(const void* registration) { running_here().push_back(registration); }
    ~InsideCallback() { running_here().pop_back(); }
    InsideCallback(const InsideCallback&) = delete;
    InsideCallback& operator=(const InsideCallback&) = delete;

  private:
    CriticalRegion region_;
};

}  // namespace

NTSTATUS ObjectCallbacks::add(const OB_CALLBACK_REGISTRATION& registration, bool by_driver, PVOID* handle) {
    const NTSTATUS status = check(registration);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    Registration added{to_utf8(view(&registration.Altitude)), {}, registration.RegistrationContext, by_driver};
    const Altitude altitude = parse_altitude(added.altitude);
    added.operations.assign(registration.OperationRegistration,
                            registration.OperationRegistration + registration.OperationRegistrationCount);
    const std::lock_guard lock(mutex_);
    auto place = registrations_.begin();
    for (; place != registrations_.end(); ++place) {
        const int order = compare(parse_altitude(place->altitude), altitude);
        if (order == 0) {
            return STATUS_FLT_INSTANCE_ALTITUDE_COLLISION;
        }
        if (order < 0) {
            break;
        }
    }
    *handle = &*registrations_.insert(place, std::move(added));
    return STATUS_SUCCESS;
}

void ObjectCallbacks::remove(PVOID handle) {
    const auto& inside = running_here();
    if (std::find(inside.begin(), inside.end(), handle) != inside.end()) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      "ObUnRegisterCallbacks inside of its own callback, for which it waits");
    }
    std::unique_lock lock(mutex_);
    const auto found = std::find_if(registrations_.begin(), registrations_.end(),
                                    [&](const Registration& entry) { return &entry == handle && !entry.removing; });
    if (found == registrations_.end()) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("ObUnRegisterCallbacks of {}, which is no registration, or none any more", handle));
    }
    found->removing = true;
    changed_.wait(lock, [&] { return found->running == 0; });
    registrations_.erase(found);
}

std::string ObjectCallbacks::describe_leaks() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const Registration& registration : registrations_) {
        if (registration.by_driver) {
            text += fmt::format("object callbacks at altitude {} registered; ", registration.altitude);
        }
    }
    return text;
}

std::vector<ObjectCallbacks::Call> ObjectCallbacks::begin(const HandleOperation& operation) {
    const std::lock_guard lock(mutex_);
    std::vector<Call> calls;
    for (Registration& registration : registrations_) {
        for (const OB_OPERATION_REGISTRATION& routines : registration.operations) {
            if (!registration.removing && *routines.ObjectType == &operation.object->type() &&
                (routines.Operations & operation.operation) != 0) {
                ++registration.running;
                calls.push_back({&registration, &routines, nullptr});
            }
        }
    }
    return calls;
}

void ObjectCallbacks::end(const std::vector<Call>& calls) {
    const std::lock_guard lock(mutex_);
    for (const Call& call : calls) {
        --call.registration->running;
    }
    changed_.notify_all();
}

InterceptedHandle::InterceptedHandle(const HandleOperation& operation)
    : operation_(operation), desired_(operation.desired), calls_(executive_parts().object_callbacks.begin(operation)) {
    for (ObjectCallbacks::Call& call : calls_) {
        call_before(call);
    }
}

InterceptedHandle::~InterceptedHandle() {
    finish(STATUS_UNSUCCESSFUL, 0);
}

void InterceptedHandle::finish(NTSTATUS status, ACCESS_MASK granted) {
    if (finished_) {
        return;
    }
    finished_ = true;
    for (auto call = calls_.rbegin(); call != calls_.rend(); ++call) {
        call_after(*call, status, granted);
    }
    executive_parts().object_callbacks.end(calls_);
}

void InterceptedHandle::call_before(ObjectCallbacks::Call& call) {
    const auto lent = std::make_unique<Lent<OB_PRE_OPERATION_INFORMATION, OB_PRE_OPERATION_PARAMETERS>>();
    OB_PRE_OPERATION_INFORMATION& information = lent->information;
    information.Operation = operation_.operation;
    information.Flags = 0;
    information.KernelHandle = operation_.kernel_handle ? 1 : 0;
    information.Object = operation_.object->body();
    information.ObjectType = const_cast<POBJECT_TYPE>(&operation_.object->type());
    information.CallContext = nullptr;
    information.Parameters = &lent->parameters;
    // Both operations have these two first.
    OB_PRE_DUPLICATE_HANDLE_INFORMATION& access = lent->parameters.DuplicateHandleInformation;
    access.DesiredAccess = desired_;
    access.OriginalDesiredAccess = operation_.desired;
    if (operation_.operation == OB_OPERATION_HANDLE_DUPLICATE) {
        access.SourceProcess = operation_.source;
        access.TargetProcess = operation_.target;
    }
    const OB_PRE_OPERATION_INFORMATION before = information;
    OB_PREOP_CALLBACK_STATUS status = OB_PREOP_SUCCESS;
    {
        const InsideCallback inside(call.registration);
        const DriverCall driver_call("an object callback before an operation");
        status = driver_call.run(call.routines->PreOperation, call.registration->context, &information);
    }
    const ACCESS_MASK left = access.DesiredAccess;
    if (operation_.kernel_handle && left != desired_) {
        verifier_stop(
            Bugcheck::kDriverVerifierDetectedViolation,
            fmt::format("an object callback changed the rights of a kernel handle to {} from 0x{:x} to 0x{:x}",
                        operation_.object->describe(), desired_, left));
    }
    if ((left & ~desired_) != 0) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("an object callback added the rights 0x{:x} to a handle to {}", left & ~desired_,
                                  operation_.object->describe()));
    }
    if (status != OB_PREOP_SUCCESS || access.OriginalDesiredAccess != operation_.desired ||
        information.Operation != before.Operation || information.Flags != before.Flags ||
        information.Object != before.Object || information.ObjectType != before.ObjectType ||
        information.Parameters != before.Parameters) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      "an object callback wrote or returned something that it only may read");
    }
    desired_ = left;
    call.context = information.CallContext;
}

void InterceptedHandle::call_after(const ObjectCallbacks::Call& call, NTSTATUS status, ACCESS_MASK granted) {
    if (call.routines->PostOperation == nullptr) {
        return;
    }
    const auto lent = std::make_unique<Lent<OB_POST_OPERATION_INFORMATION, OB_POST_OPERATION_PARAMETERS>>();
    OB_POST_OPERATION_INFORMATION& information = lent->information;
    information.Operation = operation_.operation;
    information.Flags = 0;
    information.KernelHandle = operation_.kernel_handle ? 1 : 0;
    information.Object = operation_.object->body();
    information.ObjectType = const_cast<POBJECT_TYPE>(&operation_.object->type());
    information.CallContext = call.context;
    information.ReturnStatus = status;
    information.Parameters = &lent->parameters;
    // Without a handle the parameters mean nothing, and are left as they came.
    if (NT_SUCCESS(status)) {
        lent->parameters.CreateHandleInformation.GrantedAccess = granted;
    }
    const InsideCallback inside(call.registration);
    const DriverCall driver_call("an object callback after an operation");
    driver_call.run(call.routines->PostOperation, call.registration->context, &information);
}

}  // namespace aegis::host

extern "C" NTSTATUS NTAPI ObRegisterCallbacks(POB_CALLBACK_REGISTRATION CallbackRegistration,
                                              PVOID* RegistrationHandle) {
    aegis::host::require_irql(APC_LEVEL, "ObRegisterCallbacks");
    aegis::host::ExecutiveParts& parts = aegis::host::executive_parts();
    if (parts.faults.should_fail("ObRegisterCallbacks")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return parts.object_callbacks.add(*CallbackRegistration, aegis::host::this_thread().driver_calls != 0,
                                      RegistrationHandle);
}

extern "C" void NTAPI ObUnRegisterCallbacks(PVOID RegistrationHandle) {
    aegis::host::require_irql(APC_LEVEL, "ObUnRegisterCallbacks");
    aegis::host::executive_parts().object_callbacks.remove(RegistrationHandle);
}

extern "C" USHORT NTAPI ObGetFilterVersion() {
    return OB_FLT_REGISTRATION_VERSION;
}
