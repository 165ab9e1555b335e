// The control requests of include/aegis/ioctl.h: each is validated completely before it changes anything.
#pragma once

#include <cstddef>

#include "control/driver.hpp"
#include "nt/nt.hpp"

namespace aegis::driver {

// A METHOD_BUFFERED request. Input and output share `data`: a reply is written only after the request was read.
struct IoctlBuffer {
    void* data;  // null when both lengths are 0
    std::size_t input_bytes;
    std::size_t output_bytes;
    KPROCESSOR_MODE requestor;  // KernelMode: another driver sends it
    std::size_t written;        // bytes of output, set by a handler that succeeds
};

// Serves one control request. IRQL PASSIVE_LEVEL, in the context of the caller.
NTSTATUS handle_ioctl(Driver& driver, DeviceHandle& handle, ULONG code, IoctlBuffer* buffer);

// Serves one request of a kernel component, which needs no handle. IRQL <= DISPATCH_LEVEL, in any context.
NTSTATUS handle_internal_ioctl(Driver& driver, ULONG code, IoctlBuffer* buffer);

}  // namespace aegis::driver
