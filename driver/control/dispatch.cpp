#include "control/dispatch.hpp"

#include "control/driver.hpp"
#include "control/ioctl.hpp"

namespace aegis::driver {
namespace {

// IRQL <= DISPATCH_LEVEL.
NTSTATUS complete(PIRP irp, NTSTATUS status, ULONG_PTR information) {
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

// Null for a request through no handle of ours: other drivers send some without a file object, as
// IoBuildDeviceIoControlRequest makes them, or with a file object that nobody opened. Any IRQL.
DeviceHandle* handle_of(PIRP irp) {
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(irp)->FileObject;
    return file == nullptr ? nullptr : static_cast<DeviceHandle*>(file->FsContext);
}

// IRQL PASSIVE_LEVEL, in the context of the opener.
NTSTATUS open(PIRP irp) {
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(irp)->FileObject;
    if (file == nullptr) {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    Driver& driver = the_driver();
    NTSTATUS status = driver.device.check_opener(irp);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    // \\.\AegisMon\something: there is nothing behind the device.
    if (file->FileName.Length != 0) {
        return STATUS_OBJECT_NAME_INVALID;
    }
    DeviceHandle* handle = nullptr;
    status = driver.handles.open(&handle);
    file->FsContext = handle;
    return status;
}

// All of these but the last: IRQL PASSIVE_LEVEL, in the context of the thread that made the request.

NTSTATUS NTAPI on_unsupported(PDEVICE_OBJECT /*device*/, PIRP irp) {
    return complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
}

NTSTATUS NTAPI on_create(PDEVICE_OBJECT /*device*/, PIRP irp) {
    return complete(irp, open(irp), 0);
}

NTSTATUS NTAPI on_cleanup(PDEVICE_OBJECT /*device*/, PIRP irp) {
    DeviceHandle* handle = handle_of(irp);
    if (handle == nullptr) {
        return complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
    Driver& driver = the_driver();
    driver.handles.cleanup(*handle);
    driver.policies.end(handle);
    return complete(irp, STATUS_SUCCESS, 0);
}

NTSTATUS NTAPI on_close(PDEVICE_OBJECT /*device*/, PIRP irp) {
    DeviceHandle* handle = handle_of(irp);
    if (handle == nullptr) {
        return complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
    the_driver().handles.close(*handle);
    return complete(irp, STATUS_SUCCESS, 0);
}

ULONG code_of(PIRP irp) {
    return IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceIoControl.IoControlCode;
}

IoctlBuffer buffer_of(PIRP irp) {
    const auto& parameters = IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceIoControl;
    return {irp->AssociatedIrp.SystemBuffer, parameters.InputBufferLength, parameters.OutputBufferLength,
            irp->RequestorMode, 0};
}

NTSTATUS NTAPI on_device_control(PDEVICE_OBJECT /*device*/, PIRP irp) {
    DeviceHandle* handle = handle_of(irp);
    if (handle == nullptr) {
        return complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
    IoctlBuffer buffer = buffer_of(irp);
    const NTSTATUS status = handle_ioctl(the_driver(), *handle, code_of(irp), &buffer);
    return complete(irp, status, NT_SUCCESS(status) ? buffer.written : 0);
}

// IRQL <= DISPATCH_LEVEL.
NTSTATUS serve_internal(PIRP irp) {
    IoctlBuffer buffer = buffer_of(irp);
    return handle_internal_ioctl(the_driver(), code_of(irp), &buffer);
}

// From another kernel component, IRQL <= DISPATCH_LEVEL, in any context. It need not have a file object. User mode
// cannot send this; a component that passes on what user mode sent leaves the mode as it was.
NTSTATUS NTAPI on_internal_device_control(PDEVICE_OBJECT /*device*/, PIRP irp) {
    const NTSTATUS status = irp->RequestorMode == KernelMode ? serve_internal(irp) : STATUS_ACCESS_DENIED;
    return complete(irp, status, 0);
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
    driver->MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL] = on_internal_device_control;
}

}  // namespace aegis::driver
