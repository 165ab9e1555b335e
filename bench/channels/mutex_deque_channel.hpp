// What one writes first: a mutex around a std::deque.
#pragma once

#include <deque>
#include <mutex>

#include "channels/channel.hpp"

namespace aegis::bench {

template <std::size_t kBytes>
class MutexDequeChannel {
  public:
    static constexpr ChannelTraits kTraits{
        "mutex + deque", "std::mutex around a std::deque, drops the oldest at 4096",
        "every reader seeing every message, memory shared by processes, a sender that never waits"};

    bool send(const Message<kBytes>& message) {
        const std::lock_guard lock(mutex_);
        if (queue_.size() == kDefaultSlots) {
            queue_.pop_front();
        }
        queue_.push_back(message);
        return true;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        for (std::size_t count = 0; count < kReceiveBatch; ++count) {
            {
                const std::lock_guard lock(mutex_);
                if (queue_.empty()) {
                    return count;
                }
                copy_ = queue_.front();
                queue_.pop_front();
            }
            finish_copy(&copy_);
            lost_ += copy_.ticket() - next_;
            next_ = copy_.ticket() + 1;
            sink(copy_.ticket(), copy_.words.data());
        }
        return kReceiveBatch;
    }

    std::uint64_t lost() const { return lost_; }

  private:
    std::mutex mutex_;  // protects queue_
    std::deque<Message<kBytes>> queue_;
    Message<kBytes> copy_;
    Ticket next_ = 0;
    std::uint64_t lost_ = 0;
};

}  // namespace aegis::bench
