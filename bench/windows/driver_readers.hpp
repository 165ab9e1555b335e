// The two ways to the driver's events, under one interface: each reads what is there and checks it.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "aegis/event.h"
#include "aegis/ring/consumer.hpp"
#include "windows/driver_client.hpp"

namespace aegis::bench {

// What a reader has seen so far.
struct Seen {
    std::uint64_t events = 0;
    std::uint64_t lost = 0;
    std::uint64_t wrong = 0;  // another type than the test build publishes, or another size
    std::int64_t last_time = 0;

    void event(const AEGIS_EVENT_HEADER& header, std::size_t bytes) {
        const bool known = header.Type == AEGIS_EVENT_PROCESS_CREATE || header.Type == AEGIS_EVENT_PROCESS_EXIT;
        ++(known && header.Size == bytes ? events : wrong);
        last_time = header.Timestamp;
    }
};

class RingReader {
  public:
    // From the newest event on. `client` is attached and outlives it.
    explicit RingReader(DriverClient& client)
        : client_(client), consumer_(client.memory(), ring::next_event(client.memory())) {}

    const Seen& seen() const { return seen_; }

    // False when there was nothing.
    bool read() {
        const ring::ReadStatus status = consumer_.read(event_);
        if (status == ring::ReadStatus::kEvent) {
            seen_.event(event_.header(), event_.size());
        }
        seen_.lost = consumer_.lost();
        return status == ring::ReadStatus::kEvent;
    }

    void pause() const { ring::pause_after_empty_poll(); }

    // Sleeps until the bell rings, or is back at once when there is something to read.
    void sleep() {
        ring::DoorbellListener<> listener = client_.listener();
        if (listener.arm(client_.memory(), consumer_.cursor(), 1)) {
            client_.wait();
            listener.disarm();
        }
    }

  private:
    DriverClient& client_;
    ring::Consumer<> consumer_;
    ring::EventBuffer event_;
    Seen seen_;
};

class PullReader {
  public:
    // From the newest event on.
    explicit PullReader(DriverClient& client) : client_(client), buffer_(kPullBytes) {
        while (client_.pull(buffer_) != 0) {
        }
    }

    const Seen& seen() const { return seen_; }

    bool read() {
        const std::size_t bytes = client_.pull(buffer_);
        for (std::size_t offset = 0; offset < bytes; offset += AEGIS_PROCESS_EVENT_SIZE) {
            AEGIS_EVENT_HEADER header;
            std::memcpy(&header, buffer_.data() + offset, sizeof(header));
            seen_.event(header, AEGIS_PROCESS_EVENT_SIZE);
            seen_.lost += next_ == 0 ? 0 : header.Sequence - next_;
            next_ = header.Sequence + 1;
        }
        return bytes != 0;
    }

    void pause() const { ring::pause_after_empty_poll(); }

  private:
    static constexpr std::size_t kPullBytes = std::size_t{64} * 1024;

    DriverClient& client_;
    std::vector<std::byte> buffer_;
    Seen seen_;
    std::uint32_t next_ = 0;  // sequence; 0: none yet
};

}  // namespace aegis::bench
