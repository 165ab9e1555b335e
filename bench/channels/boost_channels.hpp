// boost::lockfree: its single-producer queue and its general one.
#pragma once

#include <array>
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>

#include "channels/channel.hpp"

namespace aegis::bench {

template <std::size_t kBytes>
class BoostSpscChannel {
  public:
    static constexpr ChannelTraits kTraits{
        "boost spsc_queue", "boost::lockfree::spsc_queue",
        "overwrite (a full queue stops the sender), several readers, memory shared by processes, loss count"};

    bool send(const Message<kBytes>& message) { return queue_.push(message); }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        for (std::size_t count = 0; count < kReceiveBatch; ++count) {
            if (!queue_.pop(copy_)) {
                return count;
            }
            finish_copy(&copy_);
            sink(received_++, copy_.words.data());
        }
        return kReceiveBatch;
    }

    std::uint64_t lost() const { return 0; }

  private:
    boost::lockfree::spsc_queue<Message<kBytes>> queue_{kDefaultSlots};
    Message<kBytes> copy_;
    Ticket received_ = 0;
};

// With its batch call the receiver looks at the shared indices once per 64 messages.
template <std::size_t kBytes>
class BoostSpscBatchChannel {
  public:
    static constexpr ChannelTraits kTraits{"boost spsc_queue, 64 at a time",
                                           "boost::lockfree::spsc_queue, emptied by its batch call",
                                           BoostSpscChannel<kBytes>::kTraits.lacks};

    bool send(const Message<kBytes>& message) { return queue_.push(message); }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        const std::size_t count = queue_.pop(copies_.data(), copies_.size());
        for (std::size_t i = 0; i < count; ++i) {
            finish_copy(&copies_[i]);
            sink(received_++, copies_[i].words.data());
        }
        return count;
    }

    std::uint64_t lost() const { return 0; }

  private:
    boost::lockfree::spsc_queue<Message<kBytes>> queue_{kDefaultSlots};
    std::array<Message<kBytes>, kReceiveBatch> copies_;
    Ticket received_ = 0;
};

template <std::size_t kBytes>
class BoostQueueChannel {
  public:
    static constexpr ChannelTraits kTraits{
        "boost queue", "boost::lockfree::queue, a list of preallocated nodes, many senders and receivers",
        "overwrite, every reader seeing every message, memory shared by processes, loss count"};

    bool send(const Message<kBytes>& message) { return queue_.bounded_push(message); }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        for (std::size_t count = 0; count < kReceiveBatch; ++count) {
            if (!queue_.pop(copy_)) {
                return count;
            }
            finish_copy(&copy_);
            sink(received_++, copy_.words.data());
        }
        return kReceiveBatch;
    }

    std::uint64_t lost() const { return 0; }

  private:
    boost::lockfree::queue<Message<kBytes>> queue_{kDefaultSlots};
    Message<kBytes> copy_;
    Ticket received_ = 0;
};

}  // namespace aegis::bench
