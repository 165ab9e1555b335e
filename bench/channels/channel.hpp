// What every contender of the throughput suites looks like: one sending thread, one receiving thread, messages of
// kBytes bytes.
//
//   template <std::size_t kBytes> class X {
//     static constexpr ChannelTraits kTraits;
//     bool send(const Message<kBytes>&);           // false: no room; the sender waits as a receiver waits, and retries
//     template <class Sink> std::size_t receive(const Sink&); // sink(ticket, words) for each message; how many that
//     were std::uint64_t lost() const;                  // messages the receiving side knows to be gone
//   };
//
// All of them copy a message in and copy it out into private memory before it is looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "aegis/ring/region.hpp"
#include "support/message.hpp"

namespace aegis::bench {

struct ChannelTraits {
    const char* name;
    const char* what;
    const char* lacks;  // of: overwrites the oldest, several readers, shared memory, loss counted, torn reads caught
};

// Slots of every bounded contender, unless a suite varies them.
inline constexpr std::size_t kDefaultSlots = 4096;

// Cells of the ring as the driver has it when nobody sets its size.
inline constexpr std::uint32_t kDefaultRingCells = ring::cells_in_kib(AEGIS_RING_KIB_DEFAULT);

// Makes the compiler finish a copy before what follows reads it, instead of reading the original.
inline void finish_copy(const void* copy) {
    asm volatile("" ::"r"(copy) : "memory");
}

// Bytes of the message that starts at `words`, by its header. Contenders that could carry events of any size use it, so
// that the compiler knows no more about them than about the ring's.
inline std::size_t message_bytes(const void* words) {
    AEGIS_EVENT_HEADER header;
    std::memcpy(&header, words, sizeof(header));
    return header.Size;
}

// At most so many messages a receive hands out, so that its caller sees the clock.
inline constexpr std::size_t kReceiveBatch = 64;

}  // namespace aegis::bench
