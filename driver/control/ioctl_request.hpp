// What every request has in common: version, length, its own idea of its length.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "aegis/ioctl.h"
#include "control/ioctl.hpp"

namespace aegis::driver {

// Whether the request is zero from byte `offset` to its end.
inline bool all_zero_from(const IoctlBuffer& buffer, std::size_t offset) {
    const auto* const bytes = static_cast<const std::byte*>(buffer.data);
    return std::all_of(bytes + offset, bytes + buffer.input_bytes, [](std::byte byte) { return byte == std::byte{}; });
}

// Copies the request out of the shared buffer and checks what ioctl.h says of every request. Any IRQL.
template <class Request>
NTSTATUS read_request(const IoctlBuffer& buffer, Request* request) {
    if (buffer.input_bytes < sizeof(AEGIS_REQUEST_HEADER)) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    // The version first: another one may have other lengths.
    AEGIS_REQUEST_HEADER header;
    std::memcpy(&header, buffer.data, sizeof(header));
    if (header.Version != AEGIS_CONTROL_VERSION) {
        return STATUS_REVISION_MISMATCH;
    }
    if (buffer.input_bytes < sizeof(Request) || buffer.input_bytes > AEGIS_REQUEST_ROOM) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    if (header.Bytes != buffer.input_bytes) {
        return STATUS_INVALID_PARAMETER;
    }
    // What a later release appended, and does not use.
    if (!all_zero_from(buffer, sizeof(Request))) {
        return STATUS_INVALID_PARAMETER;
    }
    std::memcpy(request, buffer.data, sizeof(Request));
    return STATUS_SUCCESS;
}

}  // namespace aegis::driver
