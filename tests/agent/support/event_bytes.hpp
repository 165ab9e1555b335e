// Events as bytes, put together by hand from the contract.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "aegis/event.h"

namespace aegis::test {

// What a test says of a process start; the rest is the contract's business.
struct Start {
    std::uint32_t pid = 0;
    std::uint32_t parent = 0;
    std::uint32_t creator = 0;
    std::u16string_view path = {};
    bool exact = true;
};

// Header.Size follows from the payload.
inline std::vector<std::byte> event_bytes(std::uint16_t type, std::int64_t timestamp, std::uint32_t sequence,
                                          const std::vector<std::byte>& payload) {
    AEGIS_EVENT_HEADER header = {};
    header.Size = static_cast<std::uint16_t>(sizeof(header) + payload.size());
    header.Type = type;
    header.Sequence = sequence;
    header.Timestamp = timestamp;
    std::vector<std::byte> bytes(header.Size);
    std::memcpy(bytes.data(), &header, sizeof(header));
    std::copy(payload.begin(), payload.end(), bytes.begin() + sizeof(header));
    return bytes;
}

// The whole payload struct.
inline std::vector<std::byte> full_payload(const Start& start) {
    AEGIS_PROCESS_PAYLOAD payload = {};
    payload.ProcessId = start.pid;
    payload.ParentProcessId = start.parent;
    payload.CreatingProcessId = start.creator;
    payload.ImagePathLength = static_cast<std::uint16_t>(start.path.size());
    payload.ImagePathExact = start.exact ? 1 : 0;
    std::copy(start.path.begin(), start.path.end(), payload.ImagePath);
    std::vector<std::byte> bytes(sizeof(payload));
    std::memcpy(bytes.data(), &payload, sizeof(payload));
    return bytes;
}

// The payload struct up to the end of its path.
inline std::vector<std::byte> compact_payload(const Start& start) {
    std::vector<std::byte> bytes = full_payload(start);
    bytes.resize(AEGIS_PROCESS_PAYLOAD_FIXED + start.path.size() * sizeof(char16_t));
    return bytes;
}

inline std::vector<std::byte> exit_payload(std::uint32_t pid) {
    return compact_payload({.pid = pid, .exact = false});
}

}  // namespace aegis::test
