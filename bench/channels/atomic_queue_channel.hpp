// atomic_queue: a ring of elements with a state each, in its single-producer, single-consumer form.
#pragma once

#include <atomic_queue/atomic_queue.h>

#include "channels/channel.hpp"

namespace aegis::bench {

template <std::size_t kBytes>
class AtomicQueueChannel {
  public:
    static constexpr ChannelTraits kTraits{"atomic_queue", "atomic_queue::AtomicQueue2, single producer and consumer",
                                           "overwrite, several readers, loss count"};

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
    static constexpr bool kMinimizeContention = true;
    static constexpr bool kMaximizeThroughput = true;
    static constexpr bool kTotalOrder = false;
    static constexpr bool kSingleProducerSingleConsumer = true;

    atomic_queue::AtomicQueue2<Message<kBytes>, kDefaultSlots, kMinimizeContention, kMaximizeThroughput, kTotalOrder,
                               kSingleProducerSingleConsumer>
        queue_;
    Message<kBytes> copy_;
    Ticket received_ = 0;
};

}  // namespace aegis::bench
