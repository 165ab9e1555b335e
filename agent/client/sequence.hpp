// From the 32 bits an event carries to the 64 bits its ring ticket has.
#pragma once

#include <cstdint>

namespace aegis::client {

// For a stream of events in order, as the pull IOCTL hands them out.
class SequenceWidener {
  public:
    // `near` is a 64-bit sequence at most 2^31 away from the first event's: how many events were published when the
    // stream began.
    explicit SequenceWidener(std::uint64_t near) : last_(near) {}

    // The 64-bit sequence of the next event. The first is the one closest to `near`; after that the stream only moves
    // forward, so a smaller number means that the 32 bits have come round.
    std::uint64_t widen(std::uint32_t sequence) {
        const auto low = static_cast<std::uint32_t>(last_);
        if (!started_) {
            started_ = true;
            last_ += static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(sequence - low)));
        } else {
            last_ += std::uint64_t{static_cast<std::uint32_t>(sequence - low - 1)} + 1;
        }
        return last_;
    }

  private:
    std::uint64_t last_;
    bool started_ = false;
};

}  // namespace aegis::client
