#include "dispatch.hpp"

#include "driver.hpp"
#include "ioctl.hpp"

namespace aegis::driver {
namespace {

// IRQL <= DISPATCH_LEVEL.
NTSTATUS complete(PIRP irp, NTSTATUS status, ULONG_PTR information) {
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

DeviceHandle& handle_of(PIRP irp) {
    return *static_cast<DeviceHandle*>(IoGetCurrentIrpStackLocation(irp)->FileObject->FsContext);
}

// All of these: IRQL PASSIVE_LEVEL, in the context of the thread that made the request.

NTSTATUS NTAPI on_unsupported(PDEVICE_OBJECT /*device*/, PIRP irp) {
    return complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
}

NTSTATUS NTAPI on_create(PDEVICE_OBJECT /*device*/, PIRP irp) {
    Driver& driver = the_driver();
    NTSTATUS status = driver.device.check_opener(irp);
    if (NT_SUCCESS(status)) {
        DeviceHandle* handle = nullptr;
        status = driver.handles.open(&handle);
        if (NT_SUCCESS(status)) {
            IoGetCurrentIrpStackLocation(irp)->FileObject->FsContext = handle;
        }
    }
    return complete(irp, status, 0);
}

NTSTATUS NTAPI on_cleanup(PDEVICE_OBJECT /*device*/, PIRP irp) {
    the_driver().handles.cleanup(handle_of(irp));
    return complete(irp, STATUS_SUCCESS, 0);
}

NTSTATUS NTAPI on_close(PDEVICE_OBJECT /*device*/, PIRP irp) {
    the_driver().handles.close(handle_of(irp));
    return complete(irp, STATUS_SUCCESS, 0);
}

NTSTATUS NTAPI on_device_control(PDEVICE_OBJECT /*device*/, PIRP irp) {
    const auto& parameters = IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceIoControl;
    IoctlBuffer buffer{irp->AssociatedIrp.SystemBuffer, parameters.InputBufferLength, parameters.OutputBufferLength, 0};
    const NTSTATUS status = handle_ioctl(the_driver(), handle_of(irp), parameters.IoControlCode, &buffer);
    return complete(irp, status, NT_SUCCESS(status) ? buffer.written : 0);
}

}  // namespace

void fill_dispatch_table(PDRIVER_OBJECT driver) {
    for (ULONG major = 0; major <= IRP_MJ_MAXIMUM_FUNCTION; ++major) {
        driver->MajorFunction[major] = on_unsupported;
    }
    driver->MajorFunction[IRP_MJ_CREATE] = on_create;
    driver->MajorFunction[IRP_MJ_CLEANUP] = on_cleanup;
    driver->MajorFunction[IRP_MJ_CLOSE] = on_close;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = on_device_control;
}

}  // namespace aegis::driver
