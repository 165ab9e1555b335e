#include "agent/port/win32/driver_device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "aegis/ioctl.h"
#include "agent/port/win32/error_text.hpp"
#include "agent/port/win32/utf8.hpp"

namespace aegis::agent {
namespace {

constexpr DWORD kErrorNoSuchDevice = 433;  // mingw's headers lack it

// The NTSTATUS values of aegis/ioctl.h as the Win32 subsystem translates them. Another length of a request or reply is
// another version of its struct.
IoStatus classify(DWORD error) {
    switch (error) {
        case ERROR_SUCCESS:
            return IoStatus::kOk;
        case ERROR_DEVICE_REMOVED:
        case ERROR_DEVICE_NOT_CONNECTED:
        case ERROR_DEV_NOT_EXIST:
        case kErrorNoSuchDevice:
            return IoStatus::kDriverGone;
        case ERROR_REVISION_MISMATCH:
        case ERROR_BAD_LENGTH:
        case ERROR_INSUFFICIENT_BUFFER:
            return IoStatus::kOtherRevision;
        case ERROR_INVALID_FUNCTION:
            return IoStatus::kUnsupported;
        default:
            return IoStatus::kFailed;
    }
}

}  // namespace

DWORD wait_milliseconds(Timeout timeout) {
    if (!timeout) {
        return INFINITE;
    }
    // The longest that is not INFINITE; who waits that long looks at its deadline again.
    constexpr std::int64_t kLongest = INFINITE - 1;
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(*timeout).count();
    return static_cast<DWORD>(std::clamp<std::int64_t>(milliseconds, 0, kLongest));
}

std::optional<Failure> DriverDevice::open(const DeviceChoice& choice, HANDLE interrupt,
                                          std::unique_ptr<Device>& device) {
    const std::string path = choice.path.empty() ? AEGIS_WIN32_PATH : choice.path;
    std::unique_ptr<DriverDevice> opened(new DriverDevice(interrupt));
    opened->device_.reset(CreateFileW(to_utf16(path).c_str(), GENERIC_READ | GENERIC_WRITE,
                                      FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr));
    if (!opened->device_) {
        return Failure{ExitCode::kNoDriver,
                       fmt::format("cannot open {}: {}: is AegisMon loaded and the console elevated? "
                                   "'sc query AegisMon' shows its state, install.ps1 installs and starts it",
                                   path, describe_windows_error(GetLastError()))};
    }
    opened->event_.reset(CreateEventW(nullptr, FALSE, FALSE, nullptr));
    if (!opened->event_) {
        return Failure{ExitCode::kRuntimeFailure,
                       fmt::format("cannot create an event: {}", describe_windows_error(GetLastError()))};
    }
    device = std::move(opened);
    return std::nullopt;
}

IoResult DriverDevice::control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply) {
    DWORD bytes = 0;
    // DeviceIoControl takes what it only reads through a pointer that is not const.
    const BOOL done =
        DeviceIoControl(device_.get(), code, const_cast<std::byte*>(request.data()), static_cast<DWORD>(request.size()),
                        reply.data(), static_cast<DWORD>(reply.size()), &bytes, nullptr);
    const DWORD error = done ? ERROR_SUCCESS : GetLastError();
    return {classify(error), bytes, error};
}

std::uint64_t DriverDevice::event_handle() const {
    return reinterpret_cast<std::uintptr_t>(event_.get());
}

WaitStatus DriverDevice::wait(Timeout timeout) {
    // The interrupt first: of several signalled objects the first one is reported.
    const std::array<HANDLE, 2> handles = {interrupt_, event_.get()};
    switch (
        WaitForMultipleObjects(static_cast<DWORD>(handles.size()), handles.data(), FALSE, wait_milliseconds(timeout))) {
        case WAIT_OBJECT_0:
            return WaitStatus::kInterrupted;
        case WAIT_OBJECT_0 + 1:
            return WaitStatus::kSignalled;
        case WAIT_TIMEOUT:
            return WaitStatus::kTimeout;
        default:
            // Both handles are the agent's own; without them nothing can be waited for.
            return WaitStatus::kDriverGone;
    }
}

std::string DriverDevice::describe(std::uint32_t code) const {
    return describe_windows_error(code);
}

std::optional<Failure> DriverDevice::close() {
    device_.reset();
    event_.reset();
    return std::nullopt;
}

}  // namespace aegis::agent
