#include "agent/port/win32/driver_device.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "aegis/ioctl.h"
#include "agent/app/log.hpp"
#include "agent/port/win32/error_text.hpp"
#include "agent/port/win32/opening.hpp"
#include "agent/port/win32/utf8.hpp"
#include "agent/port/win32/wait_time.hpp"

namespace aegis::agent {
namespace {

constexpr std::string_view kNoAnswerAdvice =
    "no answer in time: is the machine overloaded, or the driver stuck? 'sc.exe query AegisMon' shows its state; "
    "--request-timeout allows more time";
// As install.ps1 names it.
constexpr const wchar_t* kService = L"AegisMon";

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
        case DriverRequests::kNoAnswer:
            return IoStatus::kNoAnswer;
        case DriverRequests::kInterrupted:
            return IoStatus::kInterrupted;
        default:
            return IoStatus::kFailed;
    }
}

}  // namespace

std::optional<Failure> DriverDevice::open(const DeviceChoice& choice, const Patience& patience, HANDLE interrupt,
                                          Log& log, std::unique_ptr<Device>& device) {
    const std::string path = choice.path.empty() ? AEGIS_WIN32_PATH : choice.path;
    Opened opening = open_overlapped(to_utf16(path), interrupt, patience.for_request());
    switch (opening.error) {
        case ERROR_SUCCESS:
            break;
        case ERROR_TIMEOUT:
            return Failure{ExitCode::kNoAnswer, fmt::format("cannot open {}: {}", path, kNoAnswerAdvice)};
        case ERROR_OPERATION_ABORTED:
            return Failure{ExitCode::kFinished, fmt::format("asked to end before {} could be opened", path)};
        default:
            return Failure{ExitCode::kNoDriver,
                           fmt::format("cannot open {}: {}: is AegisMon loaded and the console elevated? "
                                       "'sc.exe query AegisMon' shows its state, install.ps1 installs and starts it",
                                       path, describe_windows_error(opening.error))};
    }
    std::unique_ptr<DriverDevice> opened(new DriverDevice(interrupt, std::move(opening.handle)));
    opened->event_.reset(CreateEventW(nullptr, FALSE, FALSE, nullptr));
    if (!opened->event_) {
        return Failure{ExitCode::kRuntimeFailure,
                       fmt::format("cannot create an event: {}", describe_windows_error(GetLastError()))};
    }
    if (const std::optional<std::string> reason = opened->service_.start(kService)) {
        log.note(
            fmt::format("the service AegisMon is not watched: {}; end this agent before you stop the driver", *reason));
    }
    device = std::move(opened);
    return std::nullopt;
}

IoResult DriverDevice::control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                               std::chrono::nanoseconds limit) {
    // What a pull brings is gone from the driver.
    const bool resume = code == AEGIS_IOCTL_GET_EVENTS;
    const DriverReply answer = requests_->control(code, request, reply, limit, resume);
    return {classify(answer.error), answer.bytes, answer.error};
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
    return code == DriverRequests::kNoAnswer ? std::string(kNoAnswerAdvice) : describe_windows_error(code);
}

std::optional<Failure> DriverDevice::close() {
    device_.reset();
    // After the handle, whose close ends what is under way.
    requests_.reset();
    event_.reset();
    return std::nullopt;
}

}  // namespace aegis::agent
