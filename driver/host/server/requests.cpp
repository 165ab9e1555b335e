// The system calls that a client can make through its connection.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "driver/host/client/status.hpp"
#include "driver/host/descriptors.hpp"
#include "driver/host/server/connection.hpp"

namespace aegis::host::server {
namespace {

using Bytes = std::span<const std::byte>;

// The fixed part of a message of at least that length; `rest` is what follows it.
template <typename Request>
bool parse(Bytes message, Request& request, Bytes& rest) {
    if (message.size() < sizeof(Request)) {
        return false;
    }
    std::memcpy(&request, message.data(), sizeof(Request));
    rest = message.subspan(sizeof(Request));
    return true;
}

template <typename Request>
bool parse_exactly(Bytes message, Request& request) {
    Bytes rest;
    return parse(message, request, rest) && rest.empty();
}

}  // namespace

Connection::Answer Connection::dispatch(protocol::Operation operation, Bytes message) {
    if (operation == protocol::Operation::kHello) {
        protocol::HelloRequest request;
        return parse_exactly(message, request) ? hello(request) : Answer{.status = STATUS_INFO_LENGTH_MISMATCH};
    }
    if (!process_) {
        return {.status = client::kStatusInvalidDeviceState};
    }
    Bytes rest;
    switch (operation) {
        case protocol::Operation::kOpenFile:
            if (protocol::OpenFileRequest request; parse(message, request, rest)) {
                return open_file(request, rest);
            }
            break;
        case protocol::Operation::kDeviceIoControl:
            if (protocol::DeviceIoControlRequest request; parse(message, request, rest)) {
                return device_io_control(request, rest);
            }
            break;
        case protocol::Operation::kClose:
            if (protocol::CloseRequest request; parse_exactly(message, request)) {
                return close_handle(request);
            }
            break;
        case protocol::Operation::kCreateEvent:
            if (protocol::CreateEventRequest request; parse_exactly(message, request)) {
                return create_event(request);
            }
            break;
        case protocol::Operation::kDuplicate:
            if (protocol::DuplicateRequest request; parse_exactly(message, request)) {
                return duplicate(request);
            }
            break;
        case protocol::Operation::kOpenProcess:
            if (protocol::OpenProcessRequest request; parse_exactly(message, request)) {
                return open_process(request);
            }
            break;
        case protocol::Operation::kWatchService:
            if (protocol::WatchServiceRequest request; parse_exactly(message, request)) {
                return watch_service();
            }
            break;
        default:
            return {.status = client::kStatusInvalidSystemService};
    }
    return {.status = STATUS_INFO_LENGTH_MISMATCH};
}

Connection::Answer Connection::hello(const protocol::HelloRequest& request) {
    if (process_) {
        return {.status = client::kStatusInvalidDeviceState};
    }
    const AddressWindow window = {request.window_address, request.window_bytes};
    if (!is_valid_window(window)) {
        return {.status = STATUS_INVALID_PARAMETER};
    }
    std::array<int, 2> ends = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return {.status = STATUS_INSUFFICIENT_RESOURCES};
    }
    notices_.reset(ends[0]);
    UniqueFd theirs(ends[1]);
    ProcessTable::Admission admission =
        processes_.admit(std::move(peer_), socket_.descriptor(), notices_.get(), window);
    process_ = std::move(admission.process);
    return {.status = admission.status, .descriptor = process_ ? std::move(theirs) : UniqueFd()};
}

Connection::Answer Connection::keep(ClientProcess& owner, const HandleResult& result) {
    if (!NT_SUCCESS(result.status)) {
        owner.give_back_room();
        return {.status = result.status};
    }
    if (!owner.keep_handle(result.handle)) {
        executive_.close(owner.process(), result.handle);
        return {.status = STATUS_PROCESS_IS_TERMINATING};
    }
    return {.status = result.status, .value = result.handle};
}

Connection::Answer Connection::open_file(const protocol::OpenFileRequest& request, Bytes path) {
    if (path.size() != std::size_t{request.path_units} * sizeof(char16_t)) {
        return {.status = STATUS_INFO_LENGTH_MISMATCH};
    }
    if (request.path_units > protocol::kMaxPathUnits) {
        return {.status = STATUS_OBJECT_NAME_INVALID};
    }
    std::u16string name(request.path_units, u'\0');
    std::memcpy(name.data(), path.data(), path.size());
    if (!process_->take_room_for_handle()) {
        return {.status = STATUS_QUOTA_EXCEEDED};
    }
    return keep(*process_, executive_.open(process_->process(), name, request.desired_access));
}

Connection::Answer Connection::device_io_control(const protocol::DeviceIoControlRequest& request, Bytes input) {
    if (request.input_bytes > protocol::kMaxIoBytes || request.output_bytes > protocol::kMaxIoBytes) {
        return {.status = STATUS_INVALID_BUFFER_SIZE};
    }
    if (input.size() != request.input_bytes) {
        return {.status = STATUS_INFO_LENGTH_MISMATCH};
    }
    if (request.reserved != 0) {
        return {.status = STATUS_INVALID_PARAMETER};
    }
    output_buffer_.resize(request.output_bytes);
    const IoResult result =
        executive_.device_control(process_->process(), request.handle, request.code, input, output_buffer_);
    return {.status = result.status,
            .value = result.information,
            .output = Bytes(output_buffer_).first(std::min(result.information, output_buffer_.size()))};
}

Connection::Answer Connection::close_handle(const protocol::CloseRequest& request) {
    const NTSTATUS status = executive_.close(process_->process(), request.handle);
    if (NT_SUCCESS(status)) {
        process_->forget_handle(request.handle);
    }
    return {.status = status};
}

Connection::Answer Connection::create_event(const protocol::CreateEventRequest& request) {
    if (request.manual_reset > 1 || request.reserved != 0) {
        return {.status = STATUS_INVALID_PARAMETER};
    }
    if (!descriptors_left(kDescriptorsInReserve)) {
        return {.status = STATUS_INSUFFICIENT_RESOURCES};
    }
    if (!process_->take_room_for_handle()) {
        return {.status = STATUS_QUOTA_EXCEEDED};
    }
    const EVENT_TYPE type = request.manual_reset != 0 ? NotificationEvent : SynchronizationEvent;
    const EventResult event = executive_.create_event(process_->process(), type, false);
    Answer answer = keep(*process_, {event.status, event.handle});
    if (!NT_SUCCESS(answer.status)) {
        return answer;
    }
    answer.descriptor = executive_.share_event(process_->process(), event.handle);
    if (!answer.descriptor) {
        executive_.close(process_->process(), event.handle);
        process_->forget_handle(event.handle);
        return {.status = STATUS_INSUFFICIENT_RESOURCES};
    }
    return answer;
}

Connection::Answer Connection::watch_service() {
    UniqueFd watch = service_.watch();
    return watch ? Answer{.descriptor = std::move(watch)} : Answer{.status = STATUS_INSUFFICIENT_RESOURCES};
}

Connection::Answer Connection::duplicate(const protocol::DuplicateRequest& request) {
    if (request.reserved != 0) {
        return {.status = STATUS_INVALID_PARAMETER};
    }
    const ClientProcessRef target = processes_.find(request.target_pid);
    if (!target) {
        return {.status = STATUS_INVALID_PARAMETER};
    }
    if (user_ != 0 && user_ != target->user()) {
        return {.status = STATUS_ACCESS_DENIED};
    }
    if (!target->take_room_for_handle()) {
        return {.status = STATUS_QUOTA_EXCEEDED};
    }
    return keep(*target, executive_.duplicate_handle(process_->process(), request.handle, target->process()));
}

Connection::Answer Connection::open_process(const protocol::OpenProcessRequest& request) {
    const ClientProcessRef target = processes_.find(request.pid);
    if (!target) {
        return {.status = STATUS_INVALID_PARAMETER};
    }
    if (user_ != 0 && user_ != target->user()) {
        return {.status = STATUS_ACCESS_DENIED};
    }
    if (!process_->take_room_for_handle()) {
        return {.status = STATUS_QUOTA_EXCEEDED};
    }
    Answer answer = keep(*process_, executive_.open_process(process_->process(), request.pid, request.desired_access));
    if (NT_SUCCESS(answer.status)) {
        const ACCESS_MASK granted = executive_.granted_access(process_->process(), answer.value).value_or(0);
        output_buffer_.resize(sizeof(granted));
        std::memcpy(output_buffer_.data(), &granted, sizeof(granted));
        answer.output = output_buffer_;
    }
    return answer;
}

}  // namespace aegis::host::server
