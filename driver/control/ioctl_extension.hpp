// Where a test build adds control codes. The shipped driver links ioctl_extension_none.cpp, which adds none.
#pragma once

#include "control/ioctl.hpp"

namespace aegis::driver {

// Called for codes the product does not have. STATUS_INVALID_DEVICE_REQUEST when the code is unknown here as well.
// IRQL PASSIVE_LEVEL.
NTSTATUS handle_extension_ioctl(Driver& driver, ULONG code, IoctlBuffer* buffer);

}  // namespace aegis::driver
