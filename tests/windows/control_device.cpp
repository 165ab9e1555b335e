#include "control_device.hpp"

#include <winternl.h>

#include <cstring>
#include <stdexcept>
#include <system_error>

namespace aegis::windows_test {

ControlDevice::ControlDevice()
    : handle_(CreateFileA(AEGIS_WIN32_PATH, GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING, 0, nullptr)) {
    if (handle_ == INVALID_HANDLE_VALUE) {
        throw std::system_error(static_cast<int>(GetLastError()), std::system_category(), "opening " AEGIS_WIN32_PATH);
    }
}

ControlDevice::~ControlDevice() {
    CloseHandle(handle_);
}

ControlReply ControlDevice::control(std::uint32_t code, std::span<const std::byte> request, std::size_t reply_bytes) {
    // NtDeviceIoControlFile, because DeviceIoControl folds several NTSTATUS into one error number.
    ControlReply reply{0, std::vector<std::byte>(reply_bytes)};
    IO_STATUS_BLOCK io{};
    const NTSTATUS status =
        NtDeviceIoControlFile(handle_, nullptr, nullptr, nullptr, &io, code, const_cast<std::byte*>(request.data()),
                              static_cast<ULONG>(request.size()), reply.data.data(), static_cast<ULONG>(reply_bytes));
    reply.status = static_cast<std::uint32_t>(status);
    reply.data.resize(status == 0 ? io.Information : 0);
    return reply;
}

AEGIS_QUERY_REPLY ControlDevice::query() {
    const ControlReply reply = send(AEGIS_IOCTL_QUERY, request<AEGIS_QUERY_REQUEST>(), sizeof(AEGIS_QUERY_REPLY));
    if (reply.status != kStatusSuccess || reply.data.size() != sizeof(AEGIS_QUERY_REPLY)) {
        throw std::runtime_error("the driver refuses AEGIS_IOCTL_QUERY");
    }
    AEGIS_QUERY_REPLY result;
    std::memcpy(&result, reply.data.data(), sizeof(result));
    return result;
}

}  // namespace aegis::windows_test
