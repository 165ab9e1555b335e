// The kernel side of a pull sensor, as Part 2 of the series builds it: a linked list under a spinlock, one allocation
// per event made outside the lock, the oldest event dropped at 4096 and freed outside it.
#pragma once

#include <cstring>
#include <mutex>

#include "channels/channel.hpp"
#include "channels/event_allocators.hpp"

namespace aegis::bench {

struct ListedEvent {
    ListedEvent* next;
    std::size_t bytes;

    void* data() { return this + 1; }
};

template <class Allocator>
class EventList {
  public:
    EventList() = default;
    ~EventList() {
        while (ListedEvent* entry = detach_one()) {
            allocator_.free_by_sender(entry);
        }
    }
    EventList(const EventList&) = delete;
    EventList& operator=(const EventList&) = delete;

    // The sending thread.
    void push(const void* event, std::size_t bytes) {
        push(event, bytes, [](void*) {});
    }

    // The same; `stamp` gets the copy in its turn, so that what it writes follows the order of the list.
    template <class Stamp>
    void push(const void* event, std::size_t bytes, const Stamp& stamp) {
        auto* entry = static_cast<ListedEvent*>(allocator_.allocate(sizeof(ListedEvent) + bytes));
        if (entry == nullptr) {
            return;
        }
        entry->next = nullptr;
        entry->bytes = bytes;
        std::memcpy(entry->data(), event, bytes);

        ListedEvent* dropped = nullptr;
        {
            const std::lock_guard lock(lock_);
            stamp(entry->data());
            if (count_ == kDefaultSlots) {
                dropped = unlink_first();
            }
            *(first_ == nullptr ? &first_ : &last_->next) = entry;
            last_ = entry;
            ++count_;
        }
        allocator_.free_by_sender(dropped);
    }

    // The oldest events that fit `room` bytes together, as a list of their own.
    ListedEvent* detach(std::size_t room) {
        const std::lock_guard lock(lock_);
        ListedEvent* batch = first_;
        ListedEvent* end = nullptr;
        while (first_ != nullptr && first_->bytes <= room) {
            room -= first_->bytes;
            end = unlink_first();
        }
        if (end == nullptr) {
            return nullptr;
        }
        end->next = nullptr;
        return batch;
    }

    ListedEvent* detach_one() {
        const std::lock_guard lock(lock_);
        return first_ == nullptr ? nullptr : unlink_first();
    }

    // The receiving thread, for what it has detached.
    void free(ListedEvent* entry) { allocator_.free_by_receiver(entry); }

  private:
    ListedEvent* unlink_first() {
        ListedEvent* entry = first_;
        first_ = entry->next;
        --count_;
        return entry;
    }

    Allocator allocator_;
    SpinLock lock_;  // protects the members below
    ListedEvent* first_ = nullptr;
    ListedEvent* last_ = nullptr;  // meaningless while first_ is null
    std::size_t count_ = 0;
};

// The list within one process, one event at a time.
template <std::size_t kBytes, class Allocator>
class EventListChannel {
  public:
    static constexpr ChannelTraits kTraits{
        "spinlock + list", "a spinlock around a linked list, one allocation per event, drops the oldest at 4096",
        "every reader seeing every message, memory shared by processes, a sender that never waits"};

    bool send(const Message<kBytes>& message) {
        list_.push(message.words.data(), kBytes);
        return true;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        for (std::size_t count = 0; count < kReceiveBatch; ++count) {
            ListedEvent* entry = list_.detach_one();
            if (entry == nullptr) {
                return count;
            }
            std::memcpy(copy_.words.data(), entry->data(), kBytes);
            list_.free(entry);
            finish_copy(&copy_);
            lost_ += copy_.ticket() - next_;
            next_ = copy_.ticket() + 1;
            sink(copy_.ticket(), copy_.words.data());
        }
        return kReceiveBatch;
    }

    std::uint64_t lost() const { return lost_; }

  private:
    EventList<Allocator> list_;
    Message<kBytes> copy_;
    Ticket next_ = 0;
    std::uint64_t lost_ = 0;
};

}  // namespace aegis::bench
