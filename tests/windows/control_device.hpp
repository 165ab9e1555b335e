// The driver's device as a client sees it: a handle, and control requests with their exact NTSTATUS.
#pragma once

#include <windows.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "aegis/ioctl.h"

namespace aegis::windows_test {

inline constexpr std::uint32_t kStatusSuccess = 0;
inline constexpr std::uint32_t kStatusNotImplemented = 0xC0000002;
inline constexpr std::uint32_t kStatusInfoLengthMismatch = 0xC0000004;
inline constexpr std::uint32_t kStatusInvalidParameter = 0xC000000D;
inline constexpr std::uint32_t kStatusInvalidDeviceRequest = 0xC0000010;
inline constexpr std::uint32_t kStatusBufferTooSmall = 0xC0000023;
inline constexpr std::uint32_t kStatusRevisionMismatch = 0xC0000059;
inline constexpr std::uint32_t kStatusNotFound = 0xC0000225;

struct ControlReply {
    std::uint32_t status;         // NTSTATUS
    std::vector<std::byte> data;  // as many bytes as IoStatus.Information says
};

class ControlDevice {
  public:
    // Opens \\.\AegisMon for reading and writing; throws std::system_error when that fails.
    ControlDevice();
    ~ControlDevice();

    ControlDevice(const ControlDevice&) = delete;
    ControlDevice& operator=(const ControlDevice&) = delete;

    HANDLE handle() const { return handle_; }

    ControlReply control(std::uint32_t code, std::span<const std::byte> request, std::size_t reply_bytes);

    template <class Request>
    ControlReply send(std::uint32_t code, const Request& request, std::size_t reply_bytes) {
        return control(code, std::as_bytes(std::span(&request, 1)), reply_bytes);
    }

    // AEGIS_IOCTL_QUERY; throws std::runtime_error when the driver refuses it.
    AEGIS_QUERY_REPLY query();

  private:
    HANDLE handle_;
};

// A request with its header filled in and everything else zero.
template <class Request>
Request request() {
    Request request{};
    request.Header.Version = AEGIS_CONTROL_VERSION;
    request.Header.Bytes = sizeof(Request);
    return request;
}

}  // namespace aegis::windows_test
