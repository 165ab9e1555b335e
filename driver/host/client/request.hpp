// How the client library begins a request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "driver/host/client/protocol.hpp"

namespace aegis::host::client {

template <typename Request>
Request make_request(protocol::Operation operation, std::size_t variable_bytes) {
    Request request{};
    request.header.magic = protocol::kMagic;
    request.header.version = protocol::kVersion;
    request.header.operation = static_cast<std::uint16_t>(operation);
    request.header.bytes = static_cast<std::uint32_t>(sizeof(Request) + variable_bytes);
    return request;
}

template <typename Request>
std::span<const std::byte> bytes_of(const Request& request) {
    return std::as_bytes(std::span(&request, 1));
}

}  // namespace aegis::host::client
