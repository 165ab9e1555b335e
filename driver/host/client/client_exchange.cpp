// One request and its reply, within a limit; and what becomes of a reply that comes after its call was given up.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "driver/host/client/client.hpp"
#include "driver/host/client/mapping_window.hpp"
#include "driver/host/client/request.hpp"

namespace aegis::host::client {
namespace {

constexpr std::size_t kMostDescriptors = 1 + protocol::kMaxMappingChanges;

template <typename Value>
Value take(std::span<const std::byte>& bytes) {
    Value value;
    std::memcpy(&value, bytes.data(), sizeof(Value));
    bytes = bytes.subspan(sizeof(Value));
    return value;
}

// Every descriptor that came with a message, owned.
std::vector<UniqueFd> take_descriptors(msghdr& message) {
    std::vector<UniqueFd> descriptors;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
            const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i < count; ++i) {
                int fd = -1;
                std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
                descriptors.emplace_back(fd);
            }
        }
    }
    return descriptors;
}

}  // namespace

NtStatus Connection::take_turn(const CallDeadline& deadline, Turn& turn) const {
    if (owner_ != getpid()) {
        return kStatusInvalidDeviceState;
    }
    if (!turn.take(deadline.end())) {
        return kStatusIoTimeout;
    }
    return host_gone() ? kStatusDeviceRemoved : kStatusSuccess;
}

NtStatus Connection::call(std::span<const std::byte> request, std::span<const std::byte> input,
                          std::span<std::byte> output, const CallLimit& limit, Result& result) {
    CallDeadline deadline(limit);
    Turn turn(turns_);
    NtStatus status = take_turn(deadline, turn);
    if (succeeded(status)) {
        status = settle(deadline);
    }
    if (succeeded(status)) {
        status = exchange(request, input, output, deadline, result);
        if (given_up_) {
            given_up_->keep_answer = limit.resumable;
        }
    }
    return status;
}

NtStatus Connection::resume_io_control(std::span<std::byte> output, std::size_t& returned, const CallLimit& limit) {
    returned = 0;
    CallDeadline deadline(limit);
    Turn turn(turns_);
    NtStatus status = take_turn(deadline, turn);
    if (succeeded(status) && !kept_) {
        status = settle(deadline);
    }
    if (!kept_) {
        return succeeded(status) ? kStatusInvalidDeviceState : status;
    }
    const KeptAnswer answer = std::move(*kept_);
    kept_.reset();
    std::copy_n(answer.output.begin(), std::min(answer.output.size(), output.size()), output.begin());
    returned = answer.returned;
    return answer.status;
}

NtStatus Connection::settle(CallDeadline& deadline) {
    if (!given_up_) {
        return kStatusSuccess;
    }
    if (const NtStatus status = deadline.wait(socket_.get(), POLLIN); !succeeded(status)) {
        return status;
    }
    const GivenUp late = *std::exchange(given_up_, std::nullopt);
    KeptAnswer answer;
    answer.output.resize(late.output_bytes);
    Result result;
    answer.status = read_reply(answer.output, result);
    answer.returned = result.value;
    if (host_gone()) {
        return answer.status;
    }
    if (late.keep_answer) {
        kept_ = std::move(answer);
        return kStatusSuccess;
    }
    const bool brings_handle =
        late.operation == protocol::Operation::kOpenFile || late.operation == protocol::Operation::kCreateEvent;
    if (brings_handle && succeeded(answer.status)) {
        // Nobody knows this handle.
        auto request = make_request<protocol::CloseRequest>(protocol::Operation::kClose, 0);
        request.handle = result.value;
        Result closed;
        exchange(bytes_of(request), {}, {}, deadline, closed);
        return given_up_ ? kStatusIoTimeout : kStatusSuccess;
    }
    return kStatusSuccess;
}

NtStatus Connection::send(std::span<const std::byte> request, std::span<const std::byte> input,
                          CallDeadline& deadline) {
    // sendmsg() takes what it only reads through pointers that are not const.
    std::array<iovec, 2> parts = {iovec{const_cast<std::byte*>(request.data()), request.size()},
                                  iovec{const_cast<std::byte*>(input.data()), input.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    while (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0) {
        switch (errno) {
            case EINTR:
                break;
            case EAGAIN:
                if (const NtStatus status = deadline.wait(socket_.get(), POLLOUT); !succeeded(status)) {
                    return status;
                }
                break;
            case EPIPE:
            case ECONNRESET:
                // A host that refuses a connection answers without reading, so there may still be a reply.
                return kStatusSuccess;
            case EMSGSIZE:
                return kStatusInvalidBufferSize;
            default:
                return kStatusInsufficientResources;
        }
    }
    return kStatusSuccess;
}

NtStatus Connection::exchange(std::span<const std::byte> request, std::span<const std::byte> input,
                              std::span<std::byte> output, CallDeadline& deadline, Result& result) {
    NtStatus status = send(request, input, deadline);
    if (!succeeded(status)) {
        return status;
    }
    status = deadline.wait(socket_.get(), POLLIN);
    if (!succeeded(status)) {
        std::span<const std::byte> rest = request;
        const auto operation = static_cast<protocol::Operation>(take<protocol::RequestHeader>(rest).operation);
        given_up_ = GivenUp{.operation = operation, .output_bytes = output.size()};
        return status;
    }
    return read_reply(output, result);
}

// The reply has begun to arrive, and packets arrive whole.
NtStatus Connection::read_reply(std::span<std::byte> output, Result& result) {
    constexpr std::size_t kMostChangeBytes =
        protocol::kMaxMappingChanges * (sizeof(protocol::Mapping) + sizeof(std::uint64_t));
    buffer_.resize(sizeof(protocol::Reply) + kMostChangeBytes + output.size());
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMostDescriptors * sizeof(int))> control;
    iovec part = {buffer_.data(), buffer_.size()};
    msghdr message{};
    ssize_t received = -1;
    // The first error after a refusal is a reset, reported once, in front of the reply that is queued.
    for (int resets = 0; received < 0;) {
        message = {};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        received = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
        if (received < 0 && errno != EINTR && (errno != ECONNRESET || ++resets > 1)) {
            return lost_host();
        }
    }
    if (received == 0) {
        return lost_host();
    }
    std::vector<UniqueFd> descriptors = take_descriptors(message);
    std::span<const std::byte> rest = std::span<const std::byte>(buffer_).first(static_cast<std::size_t>(received));
    if (rest.size() < sizeof(protocol::Reply)) {
        return kStatusUnexpectedNetworkError;
    }
    const auto reply = take<protocol::Reply>(rest);
    const std::size_t change_bytes = reply.maps * sizeof(protocol::Mapping) + reply.unmaps * sizeof(std::uint64_t);
    const bool own_descriptor = descriptors.size() == reply.maps + std::size_t{1};
    const bool well_formed = reply.magic == protocol::kMagic && rest.size() == change_bytes + reply.output_bytes &&
                             reply.output_bytes <= output.size() && descriptors.size() >= reply.maps &&
                             descriptors.size() - reply.maps <= 1 &&
                             (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    if (!well_formed) {
        // Out of descriptors, or no host of ours: what the reply said cannot be had any more.
        return (message.msg_flags & MSG_CTRUNC) != 0 ? kStatusInsufficientResources : kStatusUnexpectedNetworkError;
    }
    if (reply.version != protocol::kVersion) {
        return kStatusRevisionMismatch;
    }
    NtStatus status = reply.status;
    for (std::size_t i = 0; i < reply.maps; ++i) {
        const NtStatus mapped = window_.map(take<protocol::Mapping>(rest), descriptors[i + (own_descriptor ? 1 : 0)]);
        status = succeeded(mapped) ? status : mapped;
    }
    for (std::size_t i = 0; i < reply.unmaps; ++i) {
        window_.unmap(take<std::uint64_t>(rest));
    }
    std::copy(rest.begin(), rest.end(), output.begin());
    result.value = reply.value;
    if (own_descriptor) {
        result.descriptor = std::move(descriptors.front());
    }
    return status;
}

}  // namespace aegis::host::client
