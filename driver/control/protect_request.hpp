// AEGIS_IOCTL_PROTECT; see include/aegis/ioctl.h.
#pragma once

#include "control/driver.hpp"
#include "control/ioctl.hpp"

namespace aegis::driver {

// IRQL PASSIVE_LEVEL, in the process that is to be protected.
NTSTATUS protect(Driver& driver, DeviceHandle& handle, const IoctlBuffer& buffer);

}  // namespace aegis::driver
