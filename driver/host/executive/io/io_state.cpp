#include "driver/host/executive/io/io_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "driver/host/executive/registry/hive.hpp"
#include "driver/host/executive/text.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

constexpr int kMaximumLinksInPath = 32;

// Drivers and programs say \DosDevices or \GLOBAL??, which are the same directory as \??.
std::u16string canonical(std::u16string_view path) {
    constexpr std::u16string_view kAliases[] = {u"\\DOSDEVICES\\", u"\\GLOBAL??\\"};
    for (const std::u16string_view alias : kAliases) {
        if (path.size() >= alias.size() && fold_case(path.substr(0, alias.size())) == alias) {
            return u"\\??\\" + std::u16string(path.substr(alias.size()));
        }
    }
    return std::u16string(path);
}

// Bytes of `name` at the start of `path`, as whole components.
bool leads(const std::u16string& name, const std::u16string& folded_path) {
    return folded_path.starts_with(name) && (folded_path.size() == name.size() || folded_path[name.size()] == u'\\');
}

bool is_absolute(std::u16string_view path) {
    return path.size() > 1 && path.front() == u'\\' && path.back() != u'\\';
}

}  // namespace

bool IoState::begin_load(Referenced<DriverObject> driver) {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::kNone) {
        return false;
    }
    phase_ = Phase::kLoading;
    driver_ = std::move(driver);
    return true;
}

void IoState::finish_load() {
    const std::lock_guard lock(mutex_);
    for (const auto& device : devices_) {
        device->nt()->Flags &= ~DO_DEVICE_INITIALIZING;
    }
    phase_ = Phase::kLoaded;
}

IoState::UnloadStart IoState::begin_unload() {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::kUnloadPending) {
        return UnloadStart::kPending;
    }
    if (phase_ != Phase::kLoaded) {
        return UnloadStart::kNotLoaded;
    }
    if (driver_->nt()->DriverUnload == nullptr) {
        return UnloadStart::kNoRoutine;
    }
    phase_ = any_device_open() ? Phase::kUnloadPending : Phase::kUnloading;
    return phase_ == Phase::kUnloading ? UnloadStart::kRun : UnloadStart::kPending;
}

void IoState::forget_driver() {
    Referenced<DriverObject> driver;
    const std::lock_guard lock(mutex_);
    phase_ = Phase::kNone;
    driver = std::move(driver_);
    forgotten_.notify_all();
}

DriverObject* IoState::driver() {
    const std::lock_guard lock(mutex_);
    return driver_.get();
}

bool IoState::loaded() {
    const std::lock_guard lock(mutex_);
    return phase_ != Phase::kNone;
}

bool IoState::wait_until_forgotten(std::chrono::nanoseconds timeout) {
    std::unique_lock lock(mutex_);
    return forgotten_.wait_for(lock, timeout, [this] { return phase_ == Phase::kNone; });
}

bool IoState::any_device_open() {
    return std::any_of(devices_.begin(), devices_.end(),
                       [](const auto& device) { return device->nt()->ReferenceCount > 0; });
}

NTSTATUS IoState::add_device(DeviceObject& device) {
    const std::lock_guard lock(mutex_);
    if (!device.name().empty()) {
        const std::u16string folded = fold_case(device.name());
        if (names_.contains(folded) || links_.contains(folded)) {
            return STATUS_OBJECT_NAME_COLLISION;
        }
        names_.emplace(folded, &device);
    }
    device.reference();
    devices_.emplace_back(&device);
    DRIVER_OBJECT* driver = device.nt()->DriverObject;
    device.nt()->NextDevice = std::exchange(driver->DeviceObject, device.nt());
    return STATUS_SUCCESS;
}

void IoState::delete_device(PDEVICE_OBJECT device) {
    Referenced<DeviceObject> deleted;  // let go after the lock: this may be the last reference
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(devices_.begin(), devices_.end(), [&](const auto& entry) { return entry->nt() == device; });
    if (found == devices_.end()) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("IoDeleteDevice of {}, which is no device or was deleted", fmt::ptr(device)));
    }
    deleted = std::move(*found);
    devices_.erase(found);
    deleted->deleted = true;
    names_.erase(fold_case(deleted->name()));
    PDEVICE_OBJECT* link = &device->DriverObject->DeviceObject;
    while (*link != device) {
        link = &(*link)->NextDevice;
    }
    *link = device->NextDevice;
}

NTSTATUS IoState::add_link(std::u16string_view link, std::u16string_view target) {
    if (!is_absolute(link) || !is_absolute(target)) {
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    }
    const std::u16string folded = fold_case(canonical(link));
    const std::lock_guard lock(mutex_);
    if (names_.contains(folded) || !links_.emplace(folded, target).second) {
        return STATUS_OBJECT_NAME_COLLISION;
    }
    return STATUS_SUCCESS;
}

NTSTATUS IoState::remove_link(std::u16string_view link) {
    const std::lock_guard lock(mutex_);
    return links_.erase(fold_case(canonical(link))) != 0 ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

IoState::Path IoState::resolve(std::u16string_view path) {
    if (path.empty() || path.front() != u'\\') {
        return {STATUS_OBJECT_PATH_SYNTAX_BAD, {}, {}};
    }
    std::u16string current = canonical(path);
    const std::lock_guard lock(mutex_);
    for (int links = 0; links <= kMaximumLinksInPath; ++links) {
        const std::u16string folded = fold_case(current);
        const auto device =
            std::find_if(names_.begin(), names_.end(), [&](const auto& entry) { return leads(entry.first, folded); });
        if (device != names_.end()) {
            device->second->reference();
            return {STATUS_SUCCESS, Referenced<DeviceObject>(device->second), current.substr(device->first.size())};
        }
        const auto link =
            std::find_if(links_.begin(), links_.end(), [&](const auto& entry) { return leads(entry.first, folded); });
        if (link == links_.end()) {
            break;
        }
        current = canonical(link->second + current.substr(link->first.size()));
    }
    return {STATUS_OBJECT_NAME_NOT_FOUND, {}, {}};
}

NTSTATUS IoState::open(DeviceObject& device) {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::kLoaded || device.deleted || (device.nt()->Flags & DO_DEVICE_INITIALIZING) != 0) {
        return STATUS_NO_SUCH_DEVICE;
    }
    if ((device.nt()->Flags & DO_EXCLUSIVE) != 0 && device.nt()->ReferenceCount > 0) {
        return STATUS_ACCESS_DENIED;
    }
    ++device.nt()->ReferenceCount;
    return STATUS_SUCCESS;
}

bool IoState::close(DeviceObject& device) {
    const std::lock_guard lock(mutex_);
    --device.nt()->ReferenceCount;
    if (phase_ != Phase::kUnloadPending || any_device_open()) {
        return false;
    }
    phase_ = Phase::kUnloading;
    return true;
}

std::string IoState::describe_leaks() {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [link, target] : links_) {
        text += fmt::format("symbolic link {}; ", to_utf8(link));
    }
    for (const auto& device : devices_) {
        text += device->describe() + "; ";
    }
    return text;
}

}  // namespace aegis::host
