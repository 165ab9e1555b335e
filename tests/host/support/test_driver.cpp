#include "host/support/test_driver.hpp"

namespace aegis::test {
namespace {

NTSTATUS run(const std::function<NTSTATUS(PDEVICE_OBJECT, PIRP)>& hook, PDEVICE_OBJECT device, PIRP irp) {
    return hook ? hook(device, irp) : complete(irp, STATUS_SUCCESS);
}

NTSTATUS NTAPI dispatch(PDEVICE_OBJECT device, PIRP irp) {
    switch (IoGetCurrentIrpStackLocation(irp)->MajorFunction) {
        case IRP_MJ_CREATE:
            return run(driver_hooks().create, device, irp);
        case IRP_MJ_CLEANUP:
            return run(driver_hooks().cleanup, device, irp);
        case IRP_MJ_CLOSE:
            return run(driver_hooks().close, device, irp);
        default:
            return run(driver_hooks().control, device, irp);
    }
}

void NTAPI unload(PDRIVER_OBJECT driver) {
    if (driver_hooks().unload) {
        driver_hooks().unload(driver);
    } else {
        delete_test_device(driver);
    }
}

}  // namespace

DriverHooks& driver_hooks() {
    static DriverHooks hooks;
    return hooks;
}

NTSTATUS NTAPI test_driver_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path) {
    driver->DriverUnload = &unload;
    for (const UCHAR major :
         {IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL}) {
        driver->MajorFunction[major] = &dispatch;
    }
    return driver_hooks().entry ? driver_hooks().entry(driver, registry_path) : create_test_device(driver);
}

NTSTATUS create_test_device(PDRIVER_OBJECT driver) {
    UNICODE_STRING name = counted(u"\\Device\\Test");
    UNICODE_STRING link = counted(u"\\??\\Test");
    PDEVICE_OBJECT device = nullptr;
    NTSTATUS status = IoCreateDevice(driver, 0, &name, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &device);
    if (NT_SUCCESS(status)) {
        status = IoCreateSymbolicLink(&link, &name);
        if (!NT_SUCCESS(status)) {
            IoDeleteDevice(device);
        }
    }
    return status;
}

void delete_test_device(PDRIVER_OBJECT driver) {
    UNICODE_STRING link = counted(u"\\??\\Test");
    IoDeleteSymbolicLink(&link);
    IoDeleteDevice(driver->DeviceObject);
}

NTSTATUS complete(PIRP irp, NTSTATUS status, ULONG_PTR information) {
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

UNICODE_STRING counted(const char16_t* text) {
    UNICODE_STRING string;
    RtlInitUnicodeString(&string, text);
    return string;
}

}  // namespace aegis::test
