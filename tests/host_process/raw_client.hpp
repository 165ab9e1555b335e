// A client without manners: sends whatever a test wants to send.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "driver/host/client/protocol.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::test {

namespace protocol = host::protocol;

template <typename Request>
Request request_of(protocol::Operation operation, std::size_t variable_bytes = 0) {
    Request request{};
    request.header = {protocol::kMagic, protocol::kVersion, static_cast<std::uint16_t>(operation),
                      static_cast<std::uint32_t>(sizeof(Request) + variable_bytes), 0};
    return request;
}

inline protocol::HelloRequest proper_hello() {
    auto hello = request_of<protocol::HelloRequest>(protocol::Operation::kHello);
    hello.window_address = std::uint64_t{1} << 40;
    hello.window_bytes = std::uint64_t{1} << 30;
    return hello;
}

class RawClient {
  public:
    explicit RawClient(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        connected_ = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    }

    bool connected() const { return connected_; }
    int descriptor() const { return socket_.get(); }

    // False when the host has gone from the other end, or, with MSG_DONTWAIT, does not keep up.
    bool send(std::span<const std::byte> bytes, int flags = 0) const {
        return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | flags) ==
               static_cast<ssize_t>(bytes.size());
    }
    template <typename Request>
    bool send(const Request& request) const {
        return send(std::as_bytes(std::span(&request, 1)));
    }

    bool send_with_descriptor(std::span<const std::byte> bytes, int descriptor) const {
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
        iovec part = {const_cast<std::byte*>(bytes.data()), bytes.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* const rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(rights), &descriptor, sizeof(int));
        return sendmsg(socket_.get(), &message, MSG_NOSIGNAL) > 0;
    }

    // The next reply; none when the host ended the connection. Descriptors that come along are dropped.
    std::optional<protocol::Reply> receive() const {
        std::array<std::byte, sizeof(protocol::Reply)> bytes;
        for (int resets = 0; resets < 2; ++resets) {
            const ssize_t received = recv(socket_.get(), bytes.data(), bytes.size(), 0);
            if (received >= 0) {
                protocol::Reply reply{};
                std::memcpy(&reply, bytes.data(), bytes.size());
                return received == sizeof(reply) ? std::optional(reply) : std::nullopt;
            }
        }
        return std::nullopt;
    }

    // The status of the reply to one request; none when there was no reply.
    std::optional<std::int32_t> ask(std::span<const std::byte> bytes) const {
        if (!send(bytes)) {
            return std::nullopt;
        }
        const std::optional<protocol::Reply> reply = receive();
        return reply ? std::optional(reply->status) : std::nullopt;
    }
    template <typename Request>
    std::optional<std::int32_t> ask(const Request& request) const {
        return ask(std::as_bytes(std::span(&request, 1)));
    }

  private:
    host::UniqueFd socket_;
    bool connected_ = false;
};

}  // namespace aegis::test
