#include "control/protect_request.hpp"

#include "aegis/ioctl.h"
#include "control/ioctl_request.hpp"
#include "sensors/process_key.hpp"

namespace aegis::driver {
namespace {

static_assert(AEGIS_IOCTL_PROTECT == CTL_CODE(FILE_DEVICE_UNKNOWN, 0x806, METHOD_BUFFERED, FILE_WRITE_DATA));

}  // namespace

NTSTATUS protect(Driver& driver, DeviceHandle& handle, const IoctlBuffer& buffer) {
    // A driver's thread happens to be in some process.
    if (buffer.requestor == KernelMode) {
        return STATUS_NOT_SUPPORTED;
    }
    AEGIS_PROTECT_REQUEST request;
    const NTSTATUS status = read_request(buffer, &request);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    // Whoever is told that it is protected relies on it.
    if (!driver.sensors.health_of(AEGIS_CALLBACK_HANDLE)->is_registered()) {
        return STATUS_NOT_SUPPORTED;
    }
    if (!driver.channel.verify()) {
        return STATUS_DRIVER_INTERNAL_ERROR;
    }
    return driver.handles.protect(handle, process_key(PsGetCurrentProcess()).value);
}

}  // namespace aegis::driver
