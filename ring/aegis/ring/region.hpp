// The ring region as bytes: how large it is, how a driver lays it out, how a consumer checks what it was given.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "aegis/ring/ring_memory.hpp"

namespace aegis::ring {

// Bytes of a region with so many cells: whole pages.
constexpr std::uint64_t region_bytes(std::uint32_t cell_count, std::uint32_t cell_bytes = AEGIS_CELL_BYTES) {
    const std::uint64_t used = AEGIS_RING_HEADER_BYTES + std::uint64_t{cell_count} * cell_bytes;
    return (used + AEGIS_PAGE - 1) / AEGIS_PAGE * AEGIS_PAGE;
}

constexpr bool is_valid_ring_kib(std::uint64_t kib) {
    return kib >= AEGIS_RING_KIB_MIN && kib <= AEGIS_RING_KIB_MAX;
}

// How many cells fit a region of `kib` KiB, header included.
constexpr std::uint32_t cells_in_kib(std::uint32_t kib) {
    return static_cast<std::uint32_t>((std::uint64_t{kib} * 1024 - AEGIS_RING_HEADER_BYTES) / AEGIS_CELL_BYTES);
}

// Largest event that so many cells take.
constexpr std::uint32_t event_bytes_of(std::uint32_t cell_count, std::uint32_t cell_bytes) {
    const std::uint64_t data = std::uint64_t{cell_count} * (cell_bytes - AEGIS_CELL_HEADER_BYTES);
    return data < AEGIS_RING_EVENT_BYTES ? static_cast<std::uint32_t>(data) : AEGIS_RING_EVENT_BYTES;
}

// The identity as it is now, copied out once: what is checked is then what is used, whatever happens to the shared
// bytes afterwards. Relaxed words, because a reader must survive bytes that change under it.
template <class Atomics = StdAtomics>
AEGIS_RING_IDENTITY load_identity(const void* region) {
    constexpr std::size_t kWords = sizeof(AEGIS_RING_IDENTITY) / sizeof(std::uint64_t);
    const auto* shared = static_cast<const typename RingMemory<Atomics>::Word*>(region);
    std::array<std::uint64_t, kWords> words;
    for (std::size_t i = 0; i < kWords; ++i) {
        words[i] = shared[i].load(std::memory_order_relaxed);
    }
    return std::bit_cast<AEGIS_RING_IDENTITY>(words);
}

// Two mappings with different sessions belong to different driver loads: tickets of one mean nothing in the other,
// and a consumer starts over.
constexpr bool same_session(const AEGIS_RING_IDENTITY& a, const AEGIS_RING_IDENTITY& b) {
    for (std::size_t i = 0; i < sizeof(a.SessionId); ++i) {
        if (a.SessionId[i] != b.SessionId[i]) {
            return false;
        }
    }
    return true;
}

// The words of a region with this identity, which was checked or just laid out. A consumer's mapping is read-only:
// it calls only the loads.
template <class Atomics = StdAtomics>
RingMemory<Atomics> ring_memory_of(void* region, const AEGIS_RING_IDENTITY& identity) {
    using Word = typename RingMemory<Atomics>::Word;
    using StateWord = typename RingMemory<Atomics>::StateWord;
    static_assert(sizeof(Word) == sizeof(std::uint64_t) && sizeof(StateWord) == sizeof(std::uint32_t),
                  "shared words are laid out as in C");
    auto* header = static_cast<AEGIS_RING_HEADER*>(region);
    auto* base = static_cast<std::byte*>(region);
    return RingMemory<Atomics>(
        {reinterpret_cast<Word*>(&header->Published), reinterpret_cast<Word*>(&header->Newest),
         reinterpret_cast<Word*>(header->LostBefore), reinterpret_cast<Word*>(&header->WakeupsSent),
         reinterpret_cast<StateWord*>(&header->State)},
        reinterpret_cast<Word*>(base + identity.HeaderBytes),
        {identity.CellCount, identity.CellBytes, identity.EventBytes});
}

// The same for memory that only this process or the driver writes: its header is taken at its word.
inline RingMemory<> ring_memory_of(void* region) {
    return ring_memory_of(region, load_identity(region));
}

// Writes the header of a zeroed region of region_bytes(cell_count, cell_bytes) bytes, before anyone maps it.
// `session_id` has 16 bytes and is new at each driver load.
inline RingMemory<> format_region(void* region, std::uint32_t cell_count, const std::uint8_t* session_id,
                                  std::uint32_t cell_bytes = AEGIS_CELL_BYTES) {
    auto* header = static_cast<AEGIS_RING_HEADER*>(region);
    AEGIS_RING_IDENTITY& identity = header->Identity;
    identity.Magic = AEGIS_RING_MAGIC;
    identity.AbiMajor = AEGIS_RING_ABI_MAJOR;
    identity.AbiMinor = AEGIS_RING_ABI_MINOR;
    identity.HeaderBytes = AEGIS_RING_HEADER_BYTES;
    identity.CellBytes = cell_bytes;
    identity.CellCount = cell_count;
    identity.RegionBytes = region_bytes(cell_count, cell_bytes);
    identity.EventBytes = event_bytes_of(cell_count, cell_bytes);
    for (std::size_t i = 0; i < sizeof(identity.SessionId); ++i) {
        identity.SessionId[i] = session_id[i];
    }
    RingMemory<> memory = ring_memory_of(region, identity);
    memory.store_state(AEGIS_RING_RUNNING);
    return memory;
}

enum class RegionError : std::uint8_t {
    kNone,
    kTooSmall,     // fewer bytes than the header, or than the header claims
    kBadMagic,     // no ring
    kOtherAbi,     // another major version: this reader must not touch it
    kBadGeometry,  // cell size, cell count or largest event that no version 2 driver writes
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
            return "cell size, cell count or largest event is not one a driver of this version writes";
    }
    return "unknown region error";
}

// Checks an identity against the `bytes` that are mapped. After kNone every cell access of
// ring_memory_of(region, identity) stays inside them.
constexpr RegionError check_identity(const AEGIS_RING_IDENTITY& identity, std::uint64_t bytes) {
    if (identity.Magic != AEGIS_RING_MAGIC) {
        return RegionError::kBadMagic;
    }
    if (identity.AbiMajor != AEGIS_RING_ABI_MAJOR) {
        return RegionError::kOtherAbi;
    }
    // The bounds keep header + count * cell far from overflow.
    constexpr std::uint32_t kMaxCellBytes = 1U << 20U;
    constexpr std::uint32_t kMaxHeaderBytes = 1U << 20U;
    if (identity.HeaderBytes < sizeof(AEGIS_RING_HEADER) || identity.HeaderBytes > kMaxHeaderBytes ||
        identity.HeaderBytes % AEGIS_CACHE_LINE != 0 ||
        identity.CellBytes < AEGIS_CELL_HEADER_BYTES + sizeof(AEGIS_EVENT_HEADER) ||
        identity.CellBytes > kMaxCellBytes || identity.CellBytes % AEGIS_CELL_HEADER_BYTES != 0 ||
        identity.CellCount < 2) {
        return RegionError::kBadGeometry;
    }
    // A larger event would have more cells than this reader's buffer has room for.
    if (identity.EventBytes < sizeof(AEGIS_EVENT_HEADER) ||
        identity.EventBytes > event_bytes_of(identity.CellCount, identity.CellBytes)) {
        return RegionError::kBadGeometry;
    }
    const std::uint64_t needed = identity.HeaderBytes + std::uint64_t{identity.CellCount} * identity.CellBytes;
    if (identity.RegionBytes > bytes || needed > identity.RegionBytes) {
        return RegionError::kTooSmall;
    }
    return RegionError::kNone;
}

// Checks a region of `bytes` mapped bytes. Reads its identity only.
inline RegionError check_region(const void* region, std::uint64_t bytes) {
    return bytes < AEGIS_RING_HEADER_BYTES ? RegionError::kTooSmall : check_identity(load_identity(region), bytes);
}

// A region as a consumer opens it: looked at once, so that no later change of the header moves an access.
template <class Atomics = StdAtomics>
struct OpenedRegion {
    RegionError error = RegionError::kTooSmall;
    AEGIS_RING_IDENTITY identity = {};  // valid with kNone
    RingMemory<Atomics> memory;         // valid with kNone
};

// `region` is the page-aligned start of `bytes` mapped bytes.
template <class Atomics = StdAtomics>
OpenedRegion<Atomics> open_region(void* region, std::uint64_t bytes) {
    OpenedRegion<Atomics> opened;
    if (bytes < AEGIS_RING_HEADER_BYTES) {
        return opened;
    }
    opened.identity = load_identity<Atomics>(region);
    opened.error = check_identity(opened.identity, bytes);
    if (opened.error == RegionError::kNone) {
        opened.memory = ring_memory_of<Atomics>(region, opened.identity);
    }
    return opened;
}

}  // namespace aegis::ring
