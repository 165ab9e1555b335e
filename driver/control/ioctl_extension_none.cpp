#include "control/ioctl_extension.hpp"

namespace aegis::driver {

NTSTATUS handle_extension_ioctl(Driver& /*driver*/, ULONG /*code*/, IoctlBuffer* /*buffer*/) {
    return STATUS_INVALID_DEVICE_REQUEST;
}

}  // namespace aegis::driver
