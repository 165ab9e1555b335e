#include "agent/client/linux/host_device.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "aegis/ioctl.h"
#include "agent/client/linux/nt_status_text.hpp"

namespace aegis::client {
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

constexpr std::string_view kOtherUser = "run the agent as root or as the user who runs aegismon-host";

// Of this process. With the last one the host closes all of its handles by itself.
std::atomic<unsigned> g_devices{0};

Error connect_error(std::string_view path, NtStatus status) {
    std::int32_t code = AEGIS_ERROR_FAILED;
    std::string_view remedy = "see the host's own messages";
    switch (status) {
        case host::client::kStatusObjectNameNotFound:
            return {AEGIS_ERROR_NO_DRIVER, fmt::format("no aegismon-host listens at {}", path)};
        case host::client::kStatusObjectTypeMismatch:
        case host::client::kStatusUnexpectedNetworkError:
        case host::client::kStatusDeviceRemoved:
            return {AEGIS_ERROR_NOT_A_HOST,
                    fmt::format("what listens at {} does not answer like an aegismon-host", path)};
        case host::client::kStatusAccessDenied:
            code = AEGIS_ERROR_ACCESS;
            remedy = kOtherUser;
            break;
        case host::client::kStatusRevisionMismatch:
            code = AEGIS_ERROR_VERSION;
            remedy = "install host and agent from the same release";
            break;
        case host::client::kStatusTooManySessions:
            remedy = "it serves as many clients as it will; end one of them";
            break;
        case host::client::kStatusInsufficientResources:
            code = AEGIS_ERROR_RESOURCES;
            break;
        case host::client::kStatusCancelled:
            return {AEGIS_INTERRUPTED, fmt::format("asked to end before aegismon-host at {} answered", path)};
        case host::client::kStatusIoTimeout:
            code = AEGIS_NO_ANSWER;
            remedy = no_answer_advice();
            break;
        default:
            break;
    }
    return {code, fmt::format("cannot connect to aegismon-host at {}: {}: {}", path, text_of(status), remedy)};
}

// What goes wrong before there is a device to ask.
Error request_error(std::string_view what, NtStatus status) {
    std::int32_t code = AEGIS_ERROR_FAILED;
    std::string_view remedy = "see the host's own messages";
    switch (status) {
        case host::client::kStatusObjectNameNotFound:
            code = AEGIS_ERROR_NOT_LOADED;
            remedy = "the host runs without its driver; restart it";
            break;
        case host::client::kStatusAccessDenied:
            code = AEGIS_ERROR_ACCESS;
            remedy = kOtherUser;
            break;
        case host::client::kStatusIoTimeout:
            code = AEGIS_NO_ANSWER;
            remedy = no_answer_advice();
            break;
        case host::client::kStatusCancelled:
            return {AEGIS_INTERRUPTED, "asked to end before the driver answered"};
        default:
            break;
    }
    return {code, fmt::format("cannot {}: {}: {}", what, text_of(status), remedy)};
}

}  // namespace

std::optional<Error> open_device(const DeviceChoice& choice, const OpenLimit& limit, std::unique_ptr<Device>& device) {
    return HostDevice::open(choice, limit, device);
}

std::optional<Error> HostDevice::open(const DeviceChoice& choice, const OpenLimit& limit,
                                      std::unique_ptr<Device>& device) {
    std::unique_ptr<HostDevice> opened(new HostDevice);
    if (auto error = opened->wake_.open(choice.interrupt)) {
        return error;
    }
    if (auto error = opened->connect(choice.path.empty() ? host::client::default_socket_path() : choice.path, limit)) {
        return error;
    }
    if (auto error = opened->open_driver(limit)) {
        return error;
    }
    device = std::move(opened);
    return std::nullopt;
}

// The handles of a process are closed with its last connection. Where there are others, these two are closed here, each
// within the grace: a host that is stopped closes them when it goes on.
HostDevice::~HostDevice() {
    if (connection_ == nullptr) {
        return;
    }
    if (g_devices.fetch_sub(1, std::memory_order_relaxed) != 1) {
        for (const host::client::Handle handle : {handle_, event_.handle()}) {
            if (handle != 0) {
                connection_->close(handle, {.timeout = kGraceAtTheEnd});
            }
        }
    }
    connection_.reset();
}

std::optional<Error> HostDevice::connect(std::string_view path, const OpenLimit& limit) {
    const NtStatus status = host::client::Connection::connect(
        std::string(path), connection_, {.timeout = limit.for_request(), .interrupt_fd = wake_.descriptor()});
    if (!succeeded(status)) {
        return connect_error(path, status);
    }
    g_devices.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
}

std::optional<Error> HostDevice::open_driver(const OpenLimit& limit) {
    const NtStatus opened =
        connection_->open_file(AEGIS_LINK_NAME, host::client::kGenericRead | host::client::kGenericWrite, handle_,
                               limited(limit.for_request()));
    if (!succeeded(opened)) {
        return request_error("open the driver's device", opened);
    }
    const NtStatus created =
        connection_->create_event(host::client::EventKind::kAutoReset, event_, limited(limit.for_request()));
    if (!succeeded(created)) {
        return request_error("create an event", created);
    }
    host::UniqueFd stopping;
    const NtStatus watched = connection_->watch_service(stopping, limited(limit.for_request()));
    if (!succeeded(watched)) {
        return request_error("watch whether the host is stopped", watched);
    }
    return wake_.watch(std::move(stopping));
}

host::client::CallLimit HostDevice::limited(std::chrono::nanoseconds limit) const {
    const bool grace_used = grace_used_.load(std::memory_order_relaxed);
    return {.timeout = limit,
            .interrupt_fd = wake_.descriptor(),
            .after_interrupt = grace_used ? std::chrono::nanoseconds(0) : kGraceAtTheEnd};
}

void HostDevice::resume() {
    wake_.resume();
    grace_used_.store(false, std::memory_order_relaxed);
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
    switch (connection_->wait(event_, timeout.value_or(host::client::kForever), wake_.descriptor())) {
        case host::client::kStatusSuccess:
            return WaitStatus::kSignalled;
        case host::client::kStatusTimeout:
            return WaitStatus::kTimeout;
        case host::client::kStatusAlerted: {
            const WaitStatus reason = wake_.reason();
            // An interrupt that was taken back meanwhile is as good as a spurious ring.
            return reason == WaitStatus::kTimeout ? WaitStatus::kSignalled : reason;
        }
        default:
            // Whatever else it says, no signal can come through this event any more.
            return WaitStatus::kDriverGone;
    }
}

// A host that died has closed the pipe that tells of a stop as well: that it is gone says more.
WaitStatus HostDevice::look() {
    const WaitStatus reason = wake_.reason();
    if (reason == WaitStatus::kInterrupted) {
        return reason;
    }
    return succeeded(connection_->pump()) ? reason : WaitStatus::kDriverGone;
}

std::string HostDevice::describe(std::uint32_t code) const {
    const bool no_answer = static_cast<NtStatus>(code) == host::client::kStatusIoTimeout;
    return no_answer ? fmt::format("aegismon-host: {}", no_answer_advice()) : describe_status(code);
}

std::uint32_t HostDevice::process_id() const {
    return static_cast<std::uint32_t>(getpid());
}

}  // namespace aegis::client
