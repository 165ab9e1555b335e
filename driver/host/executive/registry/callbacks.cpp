#include "driver/host/executive/registry/callbacks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/io/driver_call.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/text.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

struct Running {
    LONGLONG cookie;
    REG_NOTIFY_CLASS which;
};

// The callbacks that this thread is inside of, innermost last.
std::vector<Running>& callbacks_here() {
    thread_local std::vector<Running> running;
    return running;
}

// Altitudes are decimal numbers of any length, with a fraction perhaps.
bool is_higher(std::u16string_view left, std::u16string_view right) {
    const std::size_t left_digits = std::min(left.find(u'.'), left.size());
    const std::size_t right_digits = std::min(right.find(u'.'), right.size());
    return left_digits != right_digits ? left_digits > right_digits : left > right;
}

bool is_altitude(std::u16string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(),
                                        [](char16_t unit) { return (unit >= u'0' && unit <= u'9') || unit == u'.'; });
}

// What stands in a post notification for an object that there is not: no address of anything.
PVOID no_object() {
    PVOID address = nullptr;
    std::memset(static_cast<void*>(&address), kPoolFreedPoison, sizeof(address));
    return address;
}

}  // namespace

bool in_callback_of_closed_key() {
    return !callbacks_here().empty() && (callbacks_here().back().which == RegNtPreKeyHandleClose ||
                                         callbacks_here().back().which == RegNtPostKeyHandleClose);
}

NTSTATUS RegistryCallbacks::add(PEX_CALLBACK_FUNCTION function, std::u16string_view altitude, PVOID context,
                                PLARGE_INTEGER cookie) {
    if (!is_altitude(altitude)) {
        return STATUS_INVALID_PARAMETER;
    }
    const std::lock_guard lock(mutex_);
    if (std::any_of(callbacks_.begin(), callbacks_.end(),
                    [&](const Callback& other) { return other.altitude == altitude; })) {
        return STATUS_FLT_INSTANCE_ALTITUDE_COLLISION;
    }
    const auto below = std::find_if(callbacks_.begin(), callbacks_.end(),
                                    [&](const Callback& other) { return is_higher(altitude, other.altitude); });
    cookie->QuadPart = ++last_cookie_;
    callbacks_.insert(below, {function, std::u16string(altitude), context, last_cookie_});
    return STATUS_SUCCESS;
}

NTSTATUS RegistryCallbacks::remove(LARGE_INTEGER cookie) {
    const auto& inside = callbacks_here();
    if (std::any_of(inside.begin(), inside.end(), [&](const Running& one) { return one.cookie == cookie.QuadPart; })) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("registry callback {} removes itself and waits for itself", cookie.QuadPart));
    }
    std::unique_lock lock(mutex_);
    const auto found = std::find_if(callbacks_.begin(), callbacks_.end(), [&](const Callback& one) {
        return one.cookie == cookie.QuadPart && !one.removing;
    });
    if (found == callbacks_.end()) {
        if (std::find(removed_.begin(), removed_.end(), cookie.QuadPart) != removed_.end()) {
            verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                          fmt::format("registry callback {} removed twice", cookie.QuadPart));
        }
        return STATUS_INVALID_PARAMETER;
    }
    found->removing = true;
    changed_.wait(lock, [&] { return found->running == 0; });
    callbacks_.erase(found);
    removed_.push_back(cookie.QuadPart);
    return STATUS_SUCCESS;
}

bool RegistryCallbacks::knows(LARGE_INTEGER cookie) const {
    const std::lock_guard lock(mutex_);
    return std::any_of(callbacks_.begin(), callbacks_.end(),
                       [&](const Callback& one) { return one.cookie == cookie.QuadPart; });
}

std::string RegistryCallbacks::describe_leaks() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const Callback& callback : callbacks_) {
        text += fmt::format("registry callback at altitude {} registered; ", to_utf8(callback.altitude));
    }
    return text;
}

void RegistryCallbacks::forget_removed() {
    const std::lock_guard lock(mutex_);
    removed_.clear();
}

RegistryOperation::RegistryOperation(REG_NOTIFY_CLASS pre, REG_NOTIFY_CLASS post, PVOID information, PVOID* context)
    : pre_(pre), post_(post), information_(information), context_(context) {}

RegistryOperation::~RegistryOperation() {
    if (!told_.empty()) {
        end(nullptr, STATUS_UNSUCCESSFUL);
    }
}

NTSTATUS RegistryOperation::call(RegistryCallbacks::Callback& callback, REG_NOTIFY_CLASS which, PVOID argument) const {
    callbacks_here().push_back({callback.cookie, which});
    NTSTATUS status = STATUS_SUCCESS;
    {
        const DriverCall entry("a registry callback");
        status = entry.run(callback.function, callback.context, reinterpret_cast<PVOID>(static_cast<ULONG_PTR>(which)),
                           argument);
    }
    callbacks_here().pop_back();
    return status;
}

NTSTATUS RegistryOperation::begin() {
    RegistryCallbacks& callbacks = executive_parts().registry_callbacks;
    std::unique_lock lock(callbacks.mutex_);
    // Iterators of a list survive what others add and remove; a callback that runs is not erased.
    for (auto callback = callbacks.callbacks_.begin(); callback != callbacks.callbacks_.end(); ++callback) {
        if (callback->removing) {
            continue;
        }
        ++callback->running;
        lock.unlock();
        *context_ = nullptr;
        const NTSTATUS status = call(*callback, pre_, information_);
        if (!NT_SUCCESS(status) && *context_ != nullptr) {
            verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                          "a registry callback refuses and leaves a call context, which it will never be given back");
        }
        if (NT_SUCCESS(status)) {
            told_.push_back({&*callback, *context_});
            lock.lock();
            continue;
        }
        lock.lock();
        --callback->running;
        lock.unlock();
        callbacks.changed_.notify_all();
        end(nullptr, status);
        return status;
    }
    return STATUS_SUCCESS;
}

void RegistryOperation::end(KeyObject* object, NTSTATUS status) {
    RegistryCallbacks& callbacks = executive_parts().registry_callbacks;
    for (auto told = told_.rbegin(); told != told_.rend(); ++told) {
        REG_POST_OPERATION_INFORMATION post{};
        post.Object = object != nullptr ? object : no_object();
        post.Status = status;
        post.ReturnStatus = status;
        post.PreInformation = information_;
        post.CallContext = told->context;
        call(*told->callback, post_, &post);
        {
            const std::lock_guard lock(callbacks.mutex_);
            --told->callback->running;
        }
        callbacks.changed_.notify_all();
    }
    told_.clear();
}

std::string KeyObject::describe() const {
    return "key " + to_utf8(executive_parts().hive.path(key()).value_or(u"that is deleted"));
}

PCUNICODE_STRING KeyObject::keep_name(std::u16string name) {
    const std::lock_guard lock(mutex_);
    KeptName& kept = names_.emplace_back(KeptName{std::move(name), {}});
    const auto bytes = static_cast<USHORT>(kept.text.size() * sizeof(char16_t));
    kept.string = {bytes, bytes, kept.text.data()};
    return &kept.string;
}

void KeyObject::last_handle_closed() {
    REG_KEY_HANDLE_CLOSE_INFORMATION information{};
    information.Object = this;
    RegistryOperation closing(RegNtPreKeyHandleClose, RegNtPostKeyHandleClose, &information, &information.CallContext);
    // Nobody can keep a handle from being closed.
    closing.begin();
    closing.end(this, STATUS_SUCCESS);
}

}  // namespace aegis::host

extern "C" NTSTATUS NTAPI CmRegisterCallbackEx(PEX_CALLBACK_FUNCTION Function, PCUNICODE_STRING Altitude, PVOID,
                                               PVOID Context, PLARGE_INTEGER Cookie, PVOID) {
    aegis::host::require_irql(APC_LEVEL, "CmRegisterCallbackEx");
    aegis::host::ExecutiveParts& parts = aegis::host::executive_parts();
    if (parts.faults.should_fail("CmRegisterCallbackEx")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return parts.registry_callbacks.add(Function, aegis::host::view(Altitude), Context, Cookie);
}

extern "C" NTSTATUS NTAPI CmUnRegisterCallback(LARGE_INTEGER Cookie) {
    aegis::host::require_irql(APC_LEVEL, "CmUnRegisterCallback");
    return aegis::host::executive_parts().registry_callbacks.remove(Cookie);
}
