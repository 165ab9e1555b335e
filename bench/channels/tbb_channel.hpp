// oneTBB's bounded queue.
#pragma once

#include <tbb/concurrent_queue.h>

#include "channels/channel.hpp"

namespace aegis::bench {

template <std::size_t kBytes>
class TbbChannel {
  public:
    static constexpr ChannelTraits kTraits{
        "TBB bounded queue", "tbb::concurrent_bounded_queue",
        "overwrite, every reader seeing every message, memory shared by processes, loss count"};

    TbbChannel() { queue_.set_capacity(kDefaultSlots); }

    bool send(const Message<kBytes>& message) { return queue_.try_push(message); }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        for (std::size_t count = 0; count < kReceiveBatch; ++count) {
            if (!queue_.try_pop(copy_)) {
                return count;
            }
            finish_copy(&copy_);
            sink(received_++, copy_.words.data());
        }
        return kReceiveBatch;
    }

    std::uint64_t lost() const { return 0; }

  private:
    tbb::concurrent_bounded_queue<Message<kBytes>> queue_;
    Message<kBytes> copy_;
    Ticket received_ = 0;
};

}  // namespace aegis::bench
