#include "control/device.hpp"

#include "diagnostics/diagnostics.hpp"
#include "nt/scope_guard.hpp"

namespace aegis::driver {

NTSTATUS ControlDevice::create(PDRIVER_OBJECT driver) {
    NTSTATUS status = security_.initialize();
    if (!NT_SUCCESS(status)) {
        return failed("build the device's security descriptor", status);
    }

    UNICODE_STRING name = unicode_literal(u"\\Device\\AegisMon");
    PDEVICE_OBJECT device = nullptr;
    status = IoCreateDevice(driver, 0, &name, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return failed("create \\Device\\AegisMon", status);
    }
    ScopeGuard delete_device([&] { IoDeleteDevice(device); });

    status = security_.apply_to(device);
    if (!NT_SUCCESS(status)) {
        return failed("secure \\Device\\AegisMon", status);
    }

    UNICODE_STRING link = unicode_literal(u"\\??\\AegisMon");
    status = IoCreateSymbolicLink(&link, &name);
    if (!NT_SUCCESS(status)) {
        return failed("link \\??\\AegisMon", status);
    }
    device_.store(device, std::memory_order_release);
    delete_device.keep();
    return STATUS_SUCCESS;
}

void ControlDevice::destroy() {
    PDEVICE_OBJECT device = device_.exchange(nullptr, std::memory_order_acq_rel);
    if (device == nullptr) {
        return;
    }
    UNICODE_STRING link = unicode_literal(u"\\??\\AegisMon");
    IoDeleteSymbolicLink(&link);
    IoDeleteDevice(device);
}

}  // namespace aegis::driver
