// Where a ring's reader puts the events that it reads, and what it does with them then: one of two kinds of items.
#pragma once

#include <cstddef>
#include <cstdint>

#include "aegis/ring/event_buffer.hpp"
#include "agent/client/batch.hpp"
#include "agent/client/items.hpp"
#include "agent/client/stream.hpp"

namespace aegis::client {

// Read to the reader's own buffer and shown to a visitor.
class ShownItems {
  public:
    ShownItems(const Visitor& visitor, ring::EventBuffer& buffer)
        : visitor_(visitor),
          buffer_(&buffer),
          event_(event_item(0, {static_cast<const std::byte*>(buffer.data()), 0})) {}

    ring::EventBuffer& place() { return *buffer_; }

    // The event at place(). False: the visitor wants no more. Runs for each event: what is the same of all is there.
    bool take_event(const ring::EventBuffer& event) {
        event_.sequence = event_.last = event.ticket() + 1;
        event_.bytes = static_cast<std::uint32_t>(event.size());
        return take(event_);
    }

    bool take(const aegis_item& item) { return visitor_.wants_more(item); }

  private:
    Visitor visitor_;
    ring::EventBuffer* buffer_;
    aegis_item event_;
};

// Read right to where the caller keeps them.
class KeptItems {
  public:
    explicit KeptItems(const Batch& batch) : batch_(batch) {
        static_assert(AEGIS_MAX_EVENT_SIZE >= ring::EventBuffer::kCapacity, "a batch has room for what a read writes");
    }

    // A new one for each read: where the next event goes would else be in memory, as one event's address that the next
    // one waits for.
    ring::BorrowedEvent place() const { return ring::BorrowedEvent(batch_.place()); }

    // The event at place(). False: the batch has no room for another one.
    bool take_event(const ring::BorrowedEvent& event) {
        return batch_.add_event(event.ticket() + 1, static_cast<std::uint32_t>(event.size()));
    }

    bool take(const aegis_item& item) { return batch_.add(item); }

  private:
    // A copy, so that what changes with each event need not be in memory: nobody looks at the caller's before the end.
    Batch batch_;
};

}  // namespace aegis::client
