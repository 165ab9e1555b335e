// Kernel crossings that really happen: a pipe and a Unix socket, written and read 64 KiB at a time. They show what
// the one system call of the pull baseline leaves out.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <vector>

#include "channels/channel.hpp"

namespace aegis::bench {

// Descriptors of a one-way byte stream: [0] to read, [1] to write, neither blocking.
struct PipeStream {
    static constexpr ChannelTraits kTraits{
        "pipe", "a pipe of 1 MiB, written and read 64 KiB at a time",
        "overwrite, every reader seeing every message, delivery before a batch is full"};

    static void open(int (&ends)[2]) {
        constexpr int kPipeBytes = 1024 * 1024;
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
            throw std::runtime_error("cannot make a pipe");
        }
        fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);  // a smaller pipe works as well
    }
};

struct SocketStream {
    static constexpr ChannelTraits kTraits{
        "Unix socket", "a stream socket pair, written and read 64 KiB at a time",
        "overwrite, every reader seeing every message, delivery before a batch is full"};

    static void open(int (&ends)[2]) {
        constexpr int kSocketBytes = 1024 * 1024;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
            throw std::runtime_error("cannot make a socket pair");
        }
        setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &kSocketBytes, sizeof(kSocketBytes));
    }
};

template <std::size_t kBytes, class Stream>
class StreamChannel {
  public:
    static constexpr const ChannelTraits& kTraits = Stream::kTraits;

    StreamChannel() : outgoing_(kBatchBytes), incoming_(kBatchBytes) { Stream::open(ends_); }
    ~StreamChannel() {
        close(ends_[0]);
        close(ends_[1]);
    }
    StreamChannel(const StreamChannel&) = delete;
    StreamChannel& operator=(const StreamChannel&) = delete;

    bool send(const Message<kBytes>& message) {
        if (filled_ == kBatchBytes && !flush()) {
            return false;
        }
        std::memcpy(outgoing_.data() + filled_, message.words.data(), kBytes);
        filled_ += kBytes;
        return true;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        const ssize_t got = read(ends_[0], incoming_.data() + received_bytes_, kBatchBytes - received_bytes_);
        if (got <= 0) {
            return 0;
        }
        received_bytes_ += static_cast<std::size_t>(got);
        const std::size_t count = received_bytes_ / kBytes;
        for (std::size_t i = 0; i < count; ++i) {
            std::memcpy(copy_.words.data(), incoming_.data() + i * kBytes, kBytes);
            finish_copy(&copy_);
            sink(received_++, copy_.words.data());
        }
        received_bytes_ -= count * kBytes;
        std::memmove(incoming_.data(), incoming_.data() + count * kBytes, received_bytes_);
        return count;
    }

    std::uint64_t lost() const { return 0; }

  private:
    static constexpr std::size_t kBatchBytes = std::size_t{64} * 1024 / kBytes * kBytes;

    // True when the batch is out and the buffer empty again.
    bool flush() {
        const ssize_t put = write(ends_[1], outgoing_.data() + flushed_, filled_ - flushed_);
        if (put > 0) {
            flushed_ += static_cast<std::size_t>(put);
        }
        if (flushed_ != filled_) {
            return false;
        }
        flushed_ = 0;
        filled_ = 0;
        return true;
    }

    int ends_[2] = {-1, -1};
    std::vector<std::byte> outgoing_;
    std::size_t filled_ = 0;
    std::size_t flushed_ = 0;
    std::vector<std::byte> incoming_;
    std::size_t received_bytes_ = 0;
    Message<kBytes> copy_;
    Ticket received_ = 0;
};

}  // namespace aegis::bench
