// moodycamel's queues: ConcurrentQueue for many senders and receivers, ReaderWriterQueue for one of each.
#pragma once

#include <concurrentqueue/concurrentqueue.h>
#include <readerwriterqueue/readerwriterqueue.h>

#include <array>

#include "channels/channel.hpp"

namespace aegis::bench {

template <std::size_t kBytes>
class ConcurrentQueueChannel {
  public:
    static constexpr ChannelTraits kTraits{
        "moodycamel ConcurrentQueue", "moodycamel::ConcurrentQueue with tokens, bounded",
        "overwrite, every reader seeing every message, order across senders, memory shared by processes, loss count"};

    bool send(const Message<kBytes>& message) { return queue_.try_enqueue(producer_, message); }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        for (std::size_t count = 0; count < kReceiveBatch; ++count) {
            if (!queue_.try_dequeue(consumer_, copy_)) {
                return count;
            }
            finish_copy(&copy_);
            sink(received_++, copy_.words.data());
        }
        return kReceiveBatch;
    }

    std::uint64_t lost() const { return 0; }

  private:
    moodycamel::ConcurrentQueue<Message<kBytes>> queue_{kDefaultSlots};
    moodycamel::ProducerToken producer_{queue_};
    moodycamel::ConsumerToken consumer_{queue_};
    Message<kBytes> copy_;
    Ticket received_ = 0;
};

template <std::size_t kBytes>
class ConcurrentQueueBatchChannel {
  public:
    static constexpr ChannelTraits kTraits{"moodycamel ConcurrentQueue, 64 at a time",
                                           "moodycamel::ConcurrentQueue with tokens, emptied by its batch call",
                                           ConcurrentQueueChannel<kBytes>::kTraits.lacks};

    bool send(const Message<kBytes>& message) { return queue_.try_enqueue(producer_, message); }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        const std::size_t count = queue_.try_dequeue_bulk(consumer_, copies_.data(), copies_.size());
        for (std::size_t i = 0; i < count; ++i) {
            finish_copy(&copies_[i]);
            sink(received_++, copies_[i].words.data());
        }
        return count;
    }

    std::uint64_t lost() const { return 0; }

  private:
    moodycamel::ConcurrentQueue<Message<kBytes>> queue_{kDefaultSlots};
    moodycamel::ProducerToken producer_{queue_};
    moodycamel::ConsumerToken consumer_{queue_};
    std::array<Message<kBytes>, kReceiveBatch> copies_;
    Ticket received_ = 0;
};

template <std::size_t kBytes>
class ReaderWriterQueueChannel {
  public:
    static constexpr ChannelTraits kTraits{"moodycamel ReaderWriterQueue", "moodycamel::ReaderWriterQueue, bounded",
                                           "overwrite, several readers, memory shared by processes, loss count"};

    bool send(const Message<kBytes>& message) { return queue_.try_enqueue(message); }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        for (std::size_t count = 0; count < kReceiveBatch; ++count) {
            if (!queue_.try_dequeue(copy_)) {
                return count;
            }
            finish_copy(&copy_);
            sink(received_++, copy_.words.data());
        }
        return kReceiveBatch;
    }

    std::uint64_t lost() const { return 0; }

  private:
    moodycamel::ReaderWriterQueue<Message<kBytes>> queue_{kDefaultSlots};
    Message<kBytes> copy_;
    Ticket received_ = 0;
};

}  // namespace aegis::bench
