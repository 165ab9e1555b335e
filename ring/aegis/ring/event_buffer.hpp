// A consumer's private copy of one event. Everything after the read works on this, never on shared memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "aegis/ring/ring_memory.hpp"

namespace aegis::ring {

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

}  // namespace aegis::ring
