// The BPF ring buffer: published into by a BPF program inside a system call, read from its mapped memory.
#pragma once

#include <cstring>
#include <memory>
#include <utility>

#include "bpf/bpf_ring.hpp"
#include "channels/channel.hpp"

namespace aegis::bench {

template <std::size_t kBytes>
class BpfChannel {
  public:
    static constexpr ChannelTraits kTraits{"BPF ring buffer", "published by a BPF program, 64 events per system call",
                                           "overwrite (the newest is dropped), every reader seeing every message"};

    explicit BpfChannel(std::unique_ptr<BpfRing> ring) : ring_(std::move(ring)) {}

    // The program makes the messages itself, the same ones: here they are only counted.
    bool send(const Message<kBytes>&) {
        if (wanted_ < published_) {
            ++wanted_;
            return true;
        }
        published_ = ring_->publish();
        return false;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        struct Context {
            BpfChannel* channel;
            const Sink* sink;
        };
        Context context{this, &sink};
        return ring_->receive(
            [](void* opaque, const void* event, std::size_t) {
                auto* at = static_cast<Context*>(opaque);
                std::memcpy(at->channel->copy_.words.data(), event, kBytes);
                finish_copy(&at->channel->copy_);
                (*at->sink)(at->channel->received_++, at->channel->copy_.words.data());
            },
            &context);
    }

    std::uint64_t lost() const { return 0; }

  private:
    std::unique_ptr<BpfRing> ring_;
    std::uint64_t published_ = 0;
    std::uint64_t wanted_ = 0;
    Message<kBytes> copy_;
    Ticket received_ = 0;
};

}  // namespace aegis::bench
