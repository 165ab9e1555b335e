// The ring region as bytes: how large it is, how a driver lays it out, how a consumer checks what it was given.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "aegis/ring/ring_memory.hpp"

namespace aegis::ring {

// Bytes of a region with `slot_count` slots: whole pages.
constexpr std::uint64_t region_bytes(std::uint32_t slot_count) {
    const std::uint64_t used = AEGIS_RING_HEADER_BYTES + std::uint64_t{slot_count} * AEGIS_SLOT_BYTES;
    return (used + AEGIS_PAGE - 1) / AEGIS_PAGE * AEGIS_PAGE;
}

constexpr bool is_valid_slot_count(std::uint64_t slot_count) {
    return std::has_single_bit(slot_count) && slot_count >= AEGIS_SLOT_COUNT_MIN && slot_count <= AEGIS_SLOT_COUNT_MAX;
}

// The words of a region whose header was checked, or that the caller has just laid out. A consumer's mapping is
// read-only: it calls only the loads.
inline RingMemory<> ring_memory_of(void* region) {
    auto* header = static_cast<AEGIS_RING_HEADER*>(region);
    auto* base = static_cast<std::byte*>(region);
    const AEGIS_RING_IDENTITY& identity = header->Identity;
    return RingMemory<>(reinterpret_cast<std::atomic<std::uint64_t>*>(&header->Published),
                        reinterpret_cast<std::atomic<std::uint64_t>*>(header->LostBefore),
                        reinterpret_cast<std::atomic<std::uint64_t>*>(&header->WakeupsSent),
                        reinterpret_cast<std::atomic<std::uint32_t>*>(&header->State),
                        reinterpret_cast<std::atomic<std::uint64_t>*>(base + identity.HeaderBytes), identity.SlotCount,
                        identity.SlotBytes / sizeof(std::uint64_t));
}

// Writes the header of a zeroed region of region_bytes(slot_count) bytes, before anyone maps it.
// `slot_count` is a power of two; `session_id` has 16 bytes and is new at each driver load.
inline RingMemory<> format_region(void* region, std::uint32_t slot_count, const std::uint8_t* session_id) {
    auto* header = static_cast<AEGIS_RING_HEADER*>(region);
    AEGIS_RING_IDENTITY& identity = header->Identity;
    identity.Magic = AEGIS_RING_MAGIC;
    identity.AbiMajor = AEGIS_RING_ABI_MAJOR;
    identity.AbiMinor = AEGIS_RING_ABI_MINOR;
    identity.HeaderBytes = AEGIS_RING_HEADER_BYTES;
    identity.SlotBytes = AEGIS_SLOT_BYTES;
    identity.SlotCount = slot_count;
    identity.RegionBytes = region_bytes(slot_count);
    for (std::size_t i = 0; i < sizeof(identity.SessionId); ++i) {
        identity.SessionId[i] = session_id[i];
    }
    RingMemory<> memory = ring_memory_of(region);
    memory.store_state(AEGIS_RING_RUNNING);
    return memory;
}

enum class RegionError : std::uint8_t {
    kNone,
    kTooSmall,     // fewer bytes than the header, or than the header claims
    kBadMagic,     // no ring
    kOtherAbi,     // another major version: this reader must not touch it
    kBadGeometry,  // slot size or count that no version 1 driver writes
};

constexpr const char* describe(RegionError error) {
    switch (error) {
        case RegionError::kNone:
            return "valid ring region";
        case RegionError::kTooSmall:
            return "region is smaller than its header says";
        case RegionError::kBadMagic:
            return "region does not start with the ring's magic number";
        case RegionError::kOtherAbi:
            return "ring layout has another major version than this reader";
        case RegionError::kBadGeometry:
            return "slot size or slot count is not one a driver of this version writes";
    }
    return "unknown region error";
}

// Checks a region of `bytes` mapped bytes. Reads the header only; after kNone every slot access of
// ring_memory_of(region) stays inside the region.
inline RegionError check_region(const void* region, std::uint64_t bytes) {
    if (bytes < AEGIS_RING_HEADER_BYTES) {
        return RegionError::kTooSmall;
    }
    const AEGIS_RING_IDENTITY& identity = static_cast<const AEGIS_RING_HEADER*>(region)->Identity;
    if (identity.Magic != AEGIS_RING_MAGIC) {
        return RegionError::kBadMagic;
    }
    if (identity.AbiMajor != AEGIS_RING_ABI_MAJOR) {
        return RegionError::kOtherAbi;
    }
    // The bounds keep header + count * slot far from overflow.
    constexpr std::uint32_t kMaxSlotBytes = 1U << 20U;
    constexpr std::uint32_t kMaxHeaderBytes = 1U << 20U;
    if (identity.HeaderBytes < sizeof(AEGIS_RING_HEADER) || identity.HeaderBytes > kMaxHeaderBytes ||
        identity.HeaderBytes % AEGIS_CACHE_LINE != 0 ||
        identity.SlotBytes < sizeof(std::uint64_t) + sizeof(AEGIS_EVENT_HEADER) || identity.SlotBytes > kMaxSlotBytes ||
        identity.SlotBytes % sizeof(std::uint64_t) != 0 || !std::has_single_bit(identity.SlotCount) ||
        identity.SlotCount < 2) {
        return RegionError::kBadGeometry;
    }
    const std::uint64_t needed = identity.HeaderBytes + std::uint64_t{identity.SlotCount} * identity.SlotBytes;
    if (identity.RegionBytes > bytes || needed > identity.RegionBytes) {
        return RegionError::kTooSmall;
    }
    return RegionError::kNone;
}

}  // namespace aegis::ring
