// What every request has in common: length, version, its own idea of its length.
#pragma once

#include <cstring>

#include "aegis/ioctl.h"
#include "control/ioctl.hpp"

namespace aegis::driver {

// Copies the request out of the shared buffer and checks what ioctl.h says of every request. Any IRQL.
template <class Request>
NTSTATUS read_request(const IoctlBuffer& buffer, Request* request) {
    if (buffer.input_bytes != sizeof(Request)) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    std::memcpy(request, buffer.data, sizeof(Request));
    if (request->Header.Version != AEGIS_CONTROL_VERSION) {
        return STATUS_REVISION_MISMATCH;
    }
    if (request->Header.Bytes != sizeof(Request)) {
        return STATUS_INVALID_PARAMETER;
    }
    return STATUS_SUCCESS;
}

}  // namespace aegis::driver
