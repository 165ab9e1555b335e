#include "driver/host/server/message_socket.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "driver/host/client/protocol.hpp"

namespace aegis::host::server {
namespace {

constexpr std::size_t kMostDescriptors = 1 + protocol::kMaxMappingChanges;

}  // namespace

Received MessageSocket::receive(std::span<std::byte> buffer) {
    // Room for the credentials, which come first, and for nothing else: the kernel drops descriptors
    // that find no room without ever installing them.
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(ucred))> control;
    iovec part = {buffer.data(), buffer.size()};
    msghdr message{};
    ssize_t received = -1;
    do {
        message = {};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        received = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) {
        return {};
    }
    Received result;
    result.bytes = buffer.first(static_cast<std::size_t>(received));
    const cmsghdr* const first = CMSG_FIRSTHDR(&message);
    if (first != nullptr && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_CREDENTIALS) {
        ucred sender;
        std::memcpy(&sender, CMSG_DATA(first), sizeof(sender));
        result.sender = static_cast<std::uint32_t>(sender.pid);
    }
    if ((message.msg_flags & MSG_CTRUNC) != 0) {
        result.reception = Reception::kWithDescriptors;
    } else if ((message.msg_flags & MSG_TRUNC) != 0) {
        result.reception = Reception::kTooLong;
    } else if (received > 0) {
        result.reception = Reception::kMessage;
    }
    return result;
}

Delivery MessageSocket::send(std::span<const std::span<const std::byte>> parts, std::span<const int> descriptors) {
    std::vector<iovec> vectors;
    for (const std::span<const std::byte> part : parts) {
        // sendmsg() takes what it only reads through pointers that are not const.
        vectors.push_back({const_cast<std::byte*>(part.data()), part.size()});
    }
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMostDescriptors * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = vectors.size();
    if (!descriptors.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* const rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
    }
    ssize_t sent = -1;
    do {
        sent = sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        return errno == EPIPE || errno == ECONNRESET ? Delivery::kGone : Delivery::kNotRead;
    }
    return Delivery::kSent;
}

}  // namespace aegis::host::server
