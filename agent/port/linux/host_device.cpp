#include "agent/port/linux/host_device.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <string_view>

#include "aegis/ioctl.h"
#include "agent/port/linux/host_connection.hpp"
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
        case host::client::kStatusIoTimeout:
            return IoStatus::kNoAnswer;
        case host::client::kStatusCancelled:
            return IoStatus::kInterrupted;
        default:
            return succeeded(status) ? IoStatus::kOk : IoStatus::kFailed;
    }
}

std::string text_of(NtStatus status) {
    return describe_status(static_cast<std::uint32_t>(status));
}

// What goes wrong before there is a device to ask.
Failure request_failure(std::string_view what, NtStatus status) {
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
        case host::client::kStatusIoTimeout:
            code = ExitCode::kNoAnswer;
            remedy = no_answer_advice();
            break;
        case host::client::kStatusCancelled:
            return {ExitCode::kFinished, "asked to end before the driver answered"};
        default:
            break;
    }
    return {code, fmt::format("cannot {}: {}: {}", what, text_of(status), remedy)};
}

}  // namespace

std::optional<Failure> HostDevice::open(const DeviceChoice& choice, const Patience& patience, InterruptEvent& interrupt,
                                        Log& log, std::unique_ptr<Device>& device) {
    std::unique_ptr<HostDevice> opened(new HostDevice(interrupt));
    HostAddress address = {.path = choice.path, .may_still_come = true};
    if (choice.path.empty()) {
        opened->host_ = std::make_unique<EmbeddedHost>();
        if (auto failure = opened->host_->start(choice, patience, interrupt.descriptor())) {
            return failure;
        }
        address = {.path = opened->host_->socket_path(), .may_still_come = false};
    }
    if (auto failure = connect_to_host(address, patience, interrupt.descriptor(), log, opened->connection_)) {
        return failure;
    }
    if (opened->host_ != nullptr) {
        opened->host_->hide();
    }
    if (auto failure = opened->open_driver(patience)) {
        return failure;
    }
    device = std::move(opened);
    return std::nullopt;
}

std::optional<Failure> HostDevice::open_driver(const Patience& patience) {
    const NtStatus opened =
        connection_->open_file(AEGIS_LINK_NAME, host::client::kGenericRead | host::client::kGenericWrite, handle_,
                               limited(patience.for_request()));
    if (!succeeded(opened)) {
        return request_failure("open the driver's device", opened);
    }
    const NtStatus created =
        connection_->create_event(host::client::EventKind::kAutoReset, event_, limited(patience.for_request()));
    if (!succeeded(created)) {
        return request_failure("create an event", created);
    }
    const NtStatus watched = connection_->watch_service(stopping_, limited(patience.for_request()));
    if (!succeeded(watched)) {
        return request_failure("watch whether the host is stopped", watched);
    }
    interrupt_.set_by(stopping_.get());
    return std::nullopt;
}

host::client::CallLimit HostDevice::limited(std::chrono::nanoseconds limit) const {
    const bool grace_used = grace_used_.load(std::memory_order_relaxed);
    return {.timeout = limit,
            .interrupt_fd = interrupt_.descriptor(),
            .after_interrupt = grace_used ? std::chrono::nanoseconds(0) : kGraceAtTheEnd};
}

IoResult HostDevice::control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                             std::chrono::nanoseconds limit) {
    std::size_t bytes = 0;
    const NtStatus status = code == AEGIS_IOCTL_GET_EVENTS
                                ? pull(reply, limited(limit), bytes)
                                : connection_->device_io_control(handle_, code, request, reply, bytes, limited(limit));
    if (status == host::client::kStatusCancelled) {
        grace_used_.store(true, std::memory_order_relaxed);
    }
    return {classify(status), bytes, static_cast<std::uint32_t>(status)};
}

// What a pull brings is gone from the driver, so one that was given up is taken up again.
NtStatus HostDevice::pull(std::span<std::byte> reply, host::client::CallLimit limit, std::size_t& bytes) {
    limit.resumable = true;
    NtStatus status = host::client::kStatusInvalidDeviceState;
    if (pull_given_up_) {
        status = connection_->resume_io_control(reply, bytes, limit);
    }
    if (status == host::client::kStatusInvalidDeviceState) {
        status = connection_->device_io_control(handle_, AEGIS_IOCTL_GET_EVENTS, {}, reply, bytes, limit);
    }
    pull_given_up_ = status == host::client::kStatusIoTimeout || status == host::client::kStatusCancelled;
    return status;
}

WaitStatus HostDevice::wait(Timeout timeout) {
    switch (connection_->wait(event_, timeout.value_or(host::client::kForever), interrupt_.descriptor())) {
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

bool HostDevice::driver_is_stopping() const {
    pollfd stopping = {stopping_.get(), POLLIN, 0};
    return poll(&stopping, 1, 0) > 0;
}

std::string HostDevice::describe(std::uint32_t code) const {
    const bool no_answer = static_cast<NtStatus>(code) == host::client::kStatusIoTimeout;
    return no_answer ? fmt::format("aegismon-host: {}", no_answer_advice()) : describe_status(code);
}

std::optional<Failure> HostDevice::close() {
    stopping_.reset();
    connection_.reset();
    return host_ != nullptr ? host_->stop() : std::nullopt;
}

}  // namespace aegis::agent
