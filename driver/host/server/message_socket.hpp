// Packets to and from one client, which may send anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "driver/host/unique_fd.hpp"

namespace aegis::host::server {

enum class Reception {
    kMessage,
    kEnd,             // the client closed or died, or the host hung up
    kTooLong,         // for the buffer; what did not fit is gone
    kWithDescriptors  // none of them was installed here
};

enum class Delivery {
    kSent,
    kGone,    // the client closed or died
    kNotRead  // it leaves earlier replies unread until no more fits
};

struct Received {
    Reception reception = Reception::kEnd;
    std::span<const std::byte> bytes;  // in the caller's buffer
    std::uint32_t sender = 0;          // pid of the process that sent it, by the kernel's word
};

// The socket must have SO_PASSCRED set. One thread receives and sends.
class MessageSocket {
  public:
    explicit MessageSocket(UniqueFd socket) : socket_(std::move(socket)) {}

    int descriptor() const { return socket_.get(); }

    // Waits for the next packet.
    Received receive(std::span<std::byte> buffer);

    // Sends the parts as one packet, never waiting.
    Delivery send(std::span<const std::span<const std::byte>> parts, std::span<const int> descriptors);

  private:
    UniqueFd socket_;
};

}  // namespace aegis::host::server
