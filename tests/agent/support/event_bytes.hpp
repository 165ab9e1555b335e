// Events as bytes, put together by hand from the contract.
#pragma once

#include <algorithm>
#include <array>
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
    std::vector<std::byte> bytes(sizeof(header) + payload.size());
    std::memcpy(bytes.data(), &header, sizeof(header));
    std::copy(payload.begin(), payload.end(), bytes.begin() + sizeof(header));
    return bytes;
}

inline AEGIS_PROCESS_PAYLOAD process_payload(const Start& start) {
    AEGIS_PROCESS_PAYLOAD payload = {};
    payload.ProcessId = start.pid;
    payload.ParentProcessId = start.parent;
    payload.CreatingProcessId = start.creator;
    payload.ImagePathLength = static_cast<std::uint16_t>(start.path.size());
    payload.ImagePathExact = start.exact ? 1 : 0;
    std::copy(start.path.begin(), start.path.end(), payload.ImagePath);
    return payload;
}

inline std::vector<std::byte> bytes_of(const AEGIS_PROCESS_PAYLOAD& payload) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(&payload);
    return {bytes, bytes + sizeof(payload)};
}

// The whole payload struct.
inline std::vector<std::byte> full_payload(const Start& start) {
    return bytes_of(process_payload(start));
}

// The payload struct up to the end of its path.
inline std::vector<std::byte> compact_payload(const Start& start) {
    std::vector<std::byte> bytes = full_payload(start);
    bytes.resize(AEGIS_PROCESS_PAYLOAD_FIXED + start.path.size() * sizeof(char16_t));
    return bytes;
}

// A start whose path was longer than an event holds: `start.path` is what is left of it, with `head` units before the
// full stops; `full` is how long it was. `start.exact`: Windows vouches for the name that was cut.
inline std::vector<std::byte> cut_payload(const Start& start, std::uint16_t head, std::uint16_t full) {
    AEGIS_PROCESS_PAYLOAD payload = process_payload(start);
    payload.ImagePathExact = 0;
    payload.ImagePathFlags = start.exact ? AEGIS_PATH_CUT | AEGIS_PATH_CUT_EXACT : AEGIS_PATH_CUT;
    payload.ImagePath[AEGIS_PATH_CUT_PLACE] = head;
    payload.ImagePath[AEGIS_PATH_CUT_FULL] = full;
    return bytes_of(payload);
}

inline std::vector<std::byte> thread_payload(const AEGIS_THREAD_PAYLOAD& thread) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(&thread);
    return {bytes, bytes + sizeof(thread)};
}

// A thread that another process put into 812, every field another number.
inline AEGIS_THREAD_PAYLOAD remote_thread() {
    AEGIS_THREAD_PAYLOAD thread{};
    thread.ProcessId = 812;
    thread.ThreadId = 816;
    thread.CreatorProcessId = 640;
    thread.CreatorThreadId = 644;
    thread.ProcessKey = 0x1000000000007;
    thread.CreatorKey = 0x1000000000003;
    thread.StartAddress = 0x7FF6A0001000;
    thread.Flags = AEGIS_THREAD_REMOTE | AEGIS_THREAD_ADDRESS_VALID;
    return thread;
}

// A library that 640 loads into 812, every field another number.
inline AEGIS_IMAGE_PAYLOAD loaded_image(std::u16string_view path = u"\\Device\\HarddiskVolume3\\ntdll.dll") {
    AEGIS_IMAGE_PAYLOAD image{};
    image.ProcessId = 812;
    image.LoaderProcessId = 640;
    image.ProcessKey = 0x1000000000007;
    image.ImageBase = 0x7FF912340000;
    image.ImageSize = 2064384;
    image.SignatureLevel = 12;
    image.SignatureType = 5;
    image.AddressingMode = 3;
    image.Flags = AEGIS_IMAGE_EXACT;
    image.PathLength = static_cast<std::uint16_t>(path.size());
    image.PathFullLength = image.PathLength;
    image.ThreadId = 644;
    std::copy(path.begin(), path.end(), image.Path);
    return image;
}

// One whose path was longer than an event holds: it had `full` units, and ends with `end`.
inline AEGIS_IMAGE_PAYLOAD cut_image(std::u16string_view end, std::uint16_t full) {
    std::u16string path(AEGIS_IMAGE_MAX_PATH_REPORTED - end.size(), u'd');
    path.replace(AEGIS_IMAGE_CUT_HEAD, AEGIS_IMAGE_CUT_MARK, AEGIS_IMAGE_CUT_MARK, u'.');
    path[0] = end.front();
    AEGIS_IMAGE_PAYLOAD image = loaded_image(path.append(end));
    image.PathFullLength = full;
    return image;
}

// Up to the end of its path.
inline std::vector<std::byte> image_payload(const AEGIS_IMAGE_PAYLOAD& image) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(&image);
    return {bytes, bytes + AEGIS_IMAGE_PAYLOAD_FIXED + image.PathLength * sizeof(char16_t)};
}

// S-1-5-21-1-2-3-1000
inline constexpr std::array<unsigned char, 28> kUserSid = {1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0,    0, 1, 0,
                                                           0, 0, 2, 0, 0, 0, 3, 0, 0,  0, 0xE8, 3, 0, 0};

// What a test says of a process's details; the rest is filled with other numbers, each its own.
struct Details {
    std::uint32_t pid = 812;
    std::uint64_t key = 0x1000000000007;
    std::u16string_view command_line = u"cmd.exe /c \"a b\"";
    std::uint8_t kind = AEGIS_DETAILS_START;
    std::uint32_t flags = AEGIS_DETAILS_TOKEN_VALID | AEGIS_DETAILS_INTEGRITY_VALID | AEGIS_DETAILS_COMMAND_LINE_VALID;
    std::size_t part = 0;
    std::size_t units_in_parts_before = 0;
    std::size_t parts = 1;
    std::size_t units = std::u16string_view::npos;  // of this part
    std::size_t full = 0;                           // of all of them; 0: what `command_line` has
    bool has_sid = true;                            // in part 0
    std::int32_t status = 3;                        // of an exit
};

// A part of them, up to the end of its text.
inline std::vector<std::byte> details_payload(const Details& what) {
    AEGIS_PROCESS_DETAILS_PAYLOAD details{};
    details.ProcessId = what.pid;
    details.SessionId = 3;
    details.ProcessKey = what.key;
    details.ParentKey = 0x1000000000003;
    details.CreatorKey = 0x1000000000004;
    details.LogonId = 0x3E7;
    details.CreationTime = 133590404950000000;
    details.CreatingThreadId = 644;
    details.IntegrityLevel = 0x3000;
    details.ExitStatus = what.kind == AEGIS_DETAILS_EXIT ? what.status : 0;
    details.Flags = what.flags;
    details.Kind = what.kind;
    details.Part = static_cast<std::uint8_t>(what.part);
    details.Parts = static_cast<std::uint8_t>(what.parts);
    details.Elevation = AEGIS_ELEVATION_FULL;
    const std::u16string_view piece = what.command_line.substr(what.units_in_parts_before, what.units);
    details.SidLength = what.part == 0 && what.has_sid ? kUserSid.size() : 0;
    details.CommandLineLength = static_cast<std::uint16_t>(piece.size());
    details.CommandLineOffset = static_cast<std::uint16_t>(what.units_in_parts_before);
    details.CommandLineFullLength = static_cast<std::uint16_t>(what.full != 0 ? what.full : what.command_line.size());
    std::memcpy(details.Text, kUserSid.data(), details.SidLength);
    std::copy(piece.begin(), piece.end(), details.Text + details.SidLength / 2);
    const auto* const bytes = reinterpret_cast<const std::byte*>(&details);
    return {bytes, bytes + AEGIS_DETAILS_PAYLOAD_FIXED + details.SidLength + piece.size() * sizeof(char16_t)};
}

inline std::vector<std::byte> exit_payload(std::uint32_t pid) {
    return compact_payload({.pid = pid, .exact = false});
}

}  // namespace aegis::test
