#include "agent/client/win32/driver_device.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "aegis/ioctl.h"
#include "agent/client/win32/error_text.hpp"
#include "agent/client/win32/opening.hpp"
#include "agent/client/win32/utf8.hpp"

namespace aegis::client {
namespace {

constexpr std::string_view kNoAnswerAdvice =
    "no answer in time: is the machine overloaded, or the driver stuck? 'sc.exe query AegisMon' shows its state";
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

std::optional<Error> open_device(const DeviceChoice& choice, const OpenLimit& limit, std::unique_ptr<Device>& device) {
    return DriverDevice::open(choice, limit, device);
}

std::optional<Error> DriverDevice::open(const DeviceChoice& choice, const OpenLimit& limit,
                                        std::unique_ptr<Device>& device) {
    std::unique_ptr<DriverDevice> opened(new DriverDevice);
    if (auto error = opened->create_events()) {
        return error;
    }
    if (choice.interrupt) {
        opened->external_ = reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(*choice.interrupt));
        if (opened->external_ == nullptr || WaitForSingleObject(opened->external_, 0) == WAIT_FAILED) {
            return Error{AEGIS_ERROR_ARGUMENT,
                         fmt::format("aegis_options.interrupt is {}: it is no handle that can be waited for",
                                     *choice.interrupt)};
        }
    }
    const std::string path = choice.path.empty() ? AEGIS_WIN32_PATH : choice.path;
    Opened opening = open_overlapped(to_utf16(path), opened->interrupts(), limit.for_request());
    switch (opening.error) {
        case ERROR_SUCCESS:
            break;
        case ERROR_TIMEOUT:
            return Error{AEGIS_NO_ANSWER, fmt::format("cannot open {}: {}", path, kNoAnswerAdvice)};
        case ERROR_OPERATION_ABORTED:
            return Error{AEGIS_INTERRUPTED, fmt::format("asked to end before {} could be opened", path)};
        default:
            return Error{opening.error == ERROR_ACCESS_DENIED ? AEGIS_ERROR_ACCESS : AEGIS_ERROR_NO_DRIVER,
                         fmt::format("cannot open {}: {}: is AegisMon loaded and the console elevated? "
                                     "'sc.exe query AegisMon' shows its state, install.ps1 installs and starts it",
                                     path, describe_windows_error(opening.error))};
    }
    opened->device_ = std::move(opening.handle);
    opened->requests_ = std::make_unique<DriverRequests>(opened->device_.get(), opened->interrupts(), kGraceAtTheEnd);
    opened->service_ = std::make_unique<ServiceWatch>(opened->stop_.get());
    opened->not_watched_ = opened->service_->start(kService).value_or("");
    device = std::move(opened);
    return std::nullopt;
}

DriverDevice::~DriverDevice() {
    service_.reset();
    device_.reset();
    // After the handle, whose close ends what is under way.
    requests_.reset();
}

std::optional<Error> DriverDevice::create_events() {
    interrupt_.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    stop_.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    event_.reset(CreateEventW(nullptr, FALSE, FALSE, nullptr));
    if (!interrupt_ || !stop_ || !event_) {
        return Error{AEGIS_ERROR_RESOURCES,
                     fmt::format("cannot create an event: {}", describe_windows_error(GetLastError()))};
    }
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

std::uint64_t DriverDevice::stop_signal() const {
    return reinterpret_cast<std::uintptr_t>(stop_.get());
}

void DriverDevice::resume() {
    ResetEvent(interrupt_.get());
    requests_->renew_grace();
}

WaitStatus DriverDevice::reason() const {
    for (const HANDLE interrupt : {interrupt_.get(), external_}) {
        if (interrupt != nullptr && WaitForSingleObject(interrupt, 0) == WAIT_OBJECT_0) {
            return WaitStatus::kInterrupted;
        }
    }
    return WaitForSingleObject(stop_.get(), 0) == WAIT_OBJECT_0 ? WaitStatus::kStopping : WaitStatus::kTimeout;
}

WaitStatus DriverDevice::look() {
    return reason();
}

WaitStatus DriverDevice::wait(Timeout timeout) {
    if (const WaitStatus first = reason(); first != WaitStatus::kTimeout) {
        return first;
    }
    switch (interrupts().wait(event_.get(), timeout)) {
        case WAIT_OBJECT_0:
            return WaitStatus::kSignalled;
        case WAIT_OBJECT_0 + 1: {
            const WaitStatus status = reason();
            // An interrupt that was taken back meanwhile is as good as a spurious ring.
            return status == WaitStatus::kTimeout ? WaitStatus::kSignalled : status;
        }
        case WAIT_TIMEOUT:
            return WaitStatus::kTimeout;
        default:
            // The handles are the client's own, or the caller's, which was tried; without them nothing can be waited
            // for.
            return WaitStatus::kDriverGone;
    }
}

std::string DriverDevice::describe(std::uint32_t code) const {
    return code == DriverRequests::kNoAnswer ? std::string(kNoAnswerAdvice) : describe_windows_error(code);
}

}  // namespace aegis::client
