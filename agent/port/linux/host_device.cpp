#include "agent/port/linux/host_device.hpp"

#include <fmt/format.h>

#include <string_view>

#include "aegis/ioctl.h"
#include "agent/port/linux/nt_status_text.hpp"

namespace aegis::agent {
namespace {

using host::client::NtStatus;
using host::client::succeeded;

constexpr NtStatus kStatusInfoLengthMismatch = host::client::nt_status(0xC0000004);
constexpr NtStatus kStatusInvalidDeviceRequest = host::client::nt_status(0xC0000010);
constexpr NtStatus kStatusBufferTooSmall = host::client::nt_status(0xC0000023);

// Another length of a request or reply is another version of its struct.
IoStatus classify(NtStatus status) {
    switch (status) {
        case host::client::kStatusDeviceRemoved:
            return IoStatus::kDriverGone;
        case host::client::kStatusRevisionMismatch:
        case kStatusInfoLengthMismatch:
        case kStatusBufferTooSmall:
            return IoStatus::kOtherRevision;
        case kStatusInvalidDeviceRequest:
            return IoStatus::kUnsupported;
        default:
            return succeeded(status) ? IoStatus::kOk : IoStatus::kFailed;
    }
}

std::string text_of(NtStatus status) {
    return describe_nt_status(static_cast<std::uint32_t>(status));
}

Failure connect_failure(const std::string& path, NtStatus status) {
    ExitCode code = ExitCode::kRuntimeFailure;
    std::string_view remedy = "see the host's own messages";
    switch (status) {
        case host::client::kStatusObjectNameNotFound:
            code = ExitCode::kNoDriver;
            remedy = "no aegismon-host listens there; start one, or leave out --device to have one started";
            break;
        case host::client::kStatusAccessDenied:
            code = ExitCode::kNoDriver;
            remedy = "run the agent as root or as the user who runs aegismon-host";
            break;
        case host::client::kStatusRevisionMismatch:
            code = ExitCode::kProtocolMismatch;
            remedy = "install host and agent from the same release";
            break;
        case host::client::kStatusTooManySessions:
            remedy = "it serves as many clients as it will; end one of them";
            break;
        default:
            break;
    }
    return {code, fmt::format("cannot connect to aegismon-host at {}: {}: {}", path, text_of(status), remedy)};
}

Failure open_failure(NtStatus status) {
    ExitCode code = ExitCode::kRuntimeFailure;
    std::string_view remedy = "see the host's own messages";
    switch (status) {
        case host::client::kStatusObjectNameNotFound:
            code = ExitCode::kNoDriver;
            remedy = "the host runs without its driver; restart it";
            break;
        case host::client::kStatusAccessDenied:
            code = ExitCode::kNoDriver;
            remedy = "run the agent as root or as the user who runs aegismon-host";
            break;
        default:
            break;
    }
    return {code, fmt::format("cannot open {}: {}: {}", AEGIS_LINK_NAME, text_of(status), remedy)};
}

}  // namespace

std::optional<Failure> HostDevice::open(const DeviceChoice& choice, int interrupt_fd, std::unique_ptr<Device>& device) {
    std::unique_ptr<HostDevice> opened(new HostDevice(interrupt_fd));
    std::string path = choice.path;
    if (path.empty()) {
        opened->host_ = std::make_unique<EmbeddedHost>();
        if (auto failure = opened->host_->start(choice, interrupt_fd)) {
            return failure;
        }
        path = opened->host_->socket_path();
    }
    if (auto failure = opened->connect(path)) {
        return failure;
    }
    if (opened->host_ != nullptr) {
        opened->host_->hide();
    }
    if (auto failure = opened->open_driver()) {
        return failure;
    }
    device = std::move(opened);
    return std::nullopt;
}

std::optional<Failure> HostDevice::connect(const std::string& path) {
    const NtStatus status = host::client::Connection::connect(path, connection_);
    return succeeded(status) ? std::nullopt : std::optional(connect_failure(path, status));
}

std::optional<Failure> HostDevice::open_driver() {
    const NtStatus opened =
        connection_->open_file(AEGIS_LINK_NAME, host::client::kGenericRead | host::client::kGenericWrite, handle_);
    if (!succeeded(opened)) {
        return open_failure(opened);
    }
    const NtStatus created = connection_->create_event(host::client::EventKind::kAutoReset, event_);
    if (!succeeded(created)) {
        return Failure{ExitCode::kRuntimeFailure, fmt::format("cannot create an event: {}", text_of(created))};
    }
    return std::nullopt;
}

IoResult HostDevice::control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply) {
    std::size_t bytes = 0;
    const NtStatus status = connection_->device_io_control(handle_, code, request, reply, bytes);
    return {classify(status), bytes, static_cast<std::uint32_t>(status)};
}

WaitStatus HostDevice::wait(Timeout timeout) {
    switch (connection_->wait(event_, timeout.value_or(host::client::kForever), interrupt_fd_)) {
        case host::client::kStatusSuccess:
            return WaitStatus::kSignalled;
        case host::client::kStatusTimeout:
            return WaitStatus::kTimeout;
        case host::client::kStatusAlerted:
            return WaitStatus::kInterrupted;
        default:
            // Whatever else it says, no signal can come through this event any more.
            return WaitStatus::kDriverGone;
    }
}

std::string HostDevice::describe(std::uint32_t code) const {
    return describe_nt_status(code);
}

std::optional<Failure> HostDevice::close() {
    connection_.reset();
    return host_ != nullptr ? host_->stop() : std::nullopt;
}

}  // namespace aegis::agent
