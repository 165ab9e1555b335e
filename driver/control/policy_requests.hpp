// AEGIS_IOCTL_SET_POLICY and AEGIS_IOCTL_GET_POLICY; see include/aegis/policy.h.
#pragma once

#include "control/driver.hpp"
#include "control/ioctl.hpp"

namespace aegis::driver {

// IRQL PASSIVE_LEVEL.
NTSTATUS set_policy(Driver& driver, DeviceHandle& handle, IoctlBuffer* buffer);

// IRQL PASSIVE_LEVEL.
NTSTATUS get_policy(Driver& driver, IoctlBuffer* buffer);

}  // namespace aegis::driver
