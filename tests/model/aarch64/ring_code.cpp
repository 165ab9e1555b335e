// Compiled for AArch64 to look at the code: one function per operation whose barriers are checked.
#include "aegis/ring/consumer.hpp"
#include "aegis/ring/doorbell.hpp"
#include "aegis/ring/producer.hpp"

using aegis::ring::Consumer;
using aegis::ring::DoorbellListener;
using aegis::ring::DoorbellRinger;
using aegis::ring::EventBuffer;
using aegis::ring::Producer;
using aegis::ring::ReadStatus;
using aegis::ring::RingMemory;

extern "C" {

bool ring_publish(Producer<>& producer, const void* payload, std::size_t bytes) {
    return producer.publish(1, 2, payload, bytes);
}

ReadStatus ring_read(Consumer<>& consumer, EventBuffer& out) {
    return consumer.read(out);
}

bool ring_arm(DoorbellListener<>& listener, const RingMemory<>& memory, std::uint64_t cursor) {
    return listener.arm(memory, cursor, 1);
}

std::uint64_t ring_ring(DoorbellRinger<void*, 4>& ringer, std::uint64_t published, void (*signal)(void*)) {
    return ringer.ring(published, signal);
}
}
