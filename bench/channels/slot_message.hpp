// How a rival that keeps its messages in slots of one size hands them out: where they lie, or as a private copy like
// the ring.
//
// In place is what such a queue can do at best, because nobody overwrites a slot before its reader is done with it. A
// ring that overwrites the oldest has to copy first.
#pragma once

#include "channels/channel.hpp"

namespace aegis::bench {

enum class Reading : bool { kInPlace, kCopied };

// Hands one message that lies in a slot to the sink. `copy` is the receiver's own.
template <Reading kReading, std::size_t kBytes, class Sink>
void hand_out(Ticket ticket, const Message<kBytes>& slot, Message<kBytes>& copy, const Sink& sink) {
    if constexpr (kReading == Reading::kInPlace) {
        sink(ticket, slot.words.data());
    } else {
        copy = slot;
        finish_copy(&copy);
        sink(ticket, copy.words.data());
    }
}

}  // namespace aegis::bench
