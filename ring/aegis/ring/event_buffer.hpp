// A consumer's private copy of one event. Everything after the read works on this, never on shared memory.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "aegis/ring/ring_memory.hpp"

namespace aegis::ring {

// Where a read puts its copy: a buffer of its own, or memory of the caller's.
template <class Copy>
concept EventCopy = requires(Copy copy, Ticket ticket, std::size_t size) {
    { copy.words() } -> std::same_as<std::uint64_t*>;
    { copy.ticket() } -> std::same_as<Ticket>;
    { copy.size() } -> std::same_as<std::size_t>;
    copy.assign(ticket, size);
};

class EventBuffer {
  public:
    static constexpr std::size_t kCapacity = AEGIS_RING_EVENT_BYTES;
    static constexpr std::size_t kCapacityWords = kCapacity / sizeof(std::uint64_t);

    // Valid after a read that returned kEvent.
    Ticket ticket() const { return ticket_; }

    // Bytes that were copied: the header's Size, unless that was no possible size (then it is clamped, and
    // header().Size tells the reader that the event is malformed).
    std::size_t size() const { return size_; }

    AEGIS_EVENT_HEADER header() const {
        AEGIS_EVENT_HEADER header;
        std::memcpy(&header, words_, sizeof(header));
        return header;
    }

    const void* data() const { return words_; }
    const void* payload() const { return words_ + kEventHeaderWords; }
    std::size_t payload_size() const { return size_ - sizeof(AEGIS_EVENT_HEADER); }

    // For the readers of this folder.
    std::uint64_t* words() { return words_; }
    void assign(Ticket ticket, std::size_t size) {
        ticket_ = ticket;
        size_ = size;
    }

  private:
    alignas(16) std::uint64_t words_[kCapacityWords];
    std::size_t size_ = sizeof(AEGIS_EVENT_HEADER);
    Ticket ticket_ = 0;
};

// An event that is read to where the caller wants to keep it, so that it need not be copied again:
// EventBuffer::kCapacity bytes of private memory, aligned to 8. A read that finds no event, and one that finds one, may
// have written to any of them; size() of them are the event.
class BorrowedEvent {
  public:
    explicit BorrowedEvent(void* memory) : words_(static_cast<std::uint64_t*>(memory)) {}

    // As EventBuffer's.
    Ticket ticket() const { return ticket_; }
    std::size_t size() const { return size_; }
    const void* data() const { return words_; }

    // For the readers of this folder.
    std::uint64_t* words() { return words_; }
    void assign(Ticket ticket, std::size_t size) {
        ticket_ = ticket;
        size_ = size;
    }

  private:
    std::uint64_t* words_;
    std::size_t size_ = sizeof(AEGIS_EVENT_HEADER);
    Ticket ticket_ = 0;
};

}  // namespace aegis::ring
