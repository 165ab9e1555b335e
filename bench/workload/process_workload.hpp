// A recorded process workload, and how much of it a ring keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/producer.hpp"
#include "aegis/ring/region.hpp"

namespace aegis::workload {

// Sizes of events in a ring, headers included, in order: starts and exits of processes while the ring's and the model's
// tests of this project were configured and built from nothing, without a compiler cache, on a machine with some other
// work to do. Debian 12, gcc 12.2; recorded by
//     record.py sh -c 'AEGIS_BUILD_TESTS=ON cmake/build.sh release aegis_ring_tests aegis_model_tests'
inline constexpr std::uint16_t kProcessEvents[] = {
#include "workload/process_events.inc"
};

// Windows begins the path of a program with the name of a volume's device. Longer than any of these is rare.
inline constexpr std::size_t kDeviceNameBytes = 2 * (sizeof("\\Device\\HarddiskVolume99") - 1);

inline constexpr std::uint16_t kExitBytes = sizeof(AEGIS_EVENT_HEADER) + AEGIS_PROCESS_PAYLOAD_FIXED;

// Version 1 of the ring had slots of one event each; so many were the default, in the same memory as now.
inline constexpr std::uint64_t kSlotsOfVersion1 = 4096;
static_assert(kSlotsOfVersion1 * 1088 == std::uint64_t{AEGIS_RING_KIB_DEFAULT} * 1024);

// How many events can be read from a ring of so many KiB, at `region` (zeroed, page-aligned), after the workload went
// through it over and over, until it was full. 0 when they do not add up. `longer`: bytes that each start is longer
// than recorded.
inline std::uint64_t events_kept(void* region, std::uint32_t kib, std::size_t longer) {
    constexpr std::uint8_t kSession[16] = {};
    const ring::RingMemory<> memory = ring::format_region(region, ring::cells_in_kib(kib), kSession);
    ring::Producer<> producer(memory);
    const std::vector<std::byte> payload(AEGIS_RING_EVENT_BYTES);
    // Each event takes a cell at least.
    const std::uint64_t rounds = memory.cell_count() / std::size(kProcessEvents) + 1;
    for (std::uint64_t round = 0; round < rounds; ++round) {
        for (const std::uint16_t size : kProcessEvents) {
            const std::size_t bytes = size > kExitBytes ? size + longer : size;
            producer.publish(AEGIS_EVENT_PROCESS_CREATE, 0, payload.data(), bytes - sizeof(AEGIS_EVENT_HEADER));
        }
    }
    ring::Consumer<> consumer(memory, ring::oldest_event(memory));
    ring::EventBuffer event;
    while (consumer.read(event) == ring::ReadStatus::kEvent) {
    }
    return consumer.lost() == 0 && consumer.cursor() == producer.published() ? consumer.delivered() : 0;
}

}  // namespace aegis::workload
