// What a source of process activity reports, in NT's terms.
#pragma once

#include <ntifs.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace aegis::host {

// Times are 100 ns since 1601-01-01, UTC. Strings and SIDs are borrowed for the call.

// What the primary token of a process says.
struct ProcessUser {
    std::span<const unsigned char> sid;
    std::uint64_t logon_id = 0;
    ULONG session = 0;
    // NT always knows both.
    std::optional<ULONG> integrity = std::nullopt;
    std::optional<ULONG> elevation = std::nullopt;
};

struct ProcessCreation {
    std::uint32_t pid = 0;
    std::uint32_t parent = 0;   // what the process says its parent is
    std::uint32_t creator = 0;  // the process whose thread made it
    std::uint32_t creator_tid = 0;
    std::optional<std::u16string_view> image_path;
    bool image_path_exact = false;  // the name the file was opened by
    std::optional<std::u16string_view> command_line;
    // A pico process, as WSL 1 makes them: only who asks for processes of every subsystem is told, also of its exit.
    bool subsystem = false;
    bool is_protected = false;        // as Windows protects processes of its own
    std::optional<ProcessUser> user;  // none: see ExecutiveOptions::invent_users
    std::int64_t create_time = 0;     // of a process that was not heard of before; 0: `timestamp`
    std::int64_t timestamp = 0;
};

struct ThreadCreation {
    std::uint32_t pid = 0;
    std::uint32_t tid = 0;
    std::uint32_t creator = 0;  // the process whose thread made it
    std::uint32_t creator_tid = 0;
    std::optional<std::uint64_t> start_address;  // NT always knows it
    bool system = false;                         // it runs in the kernel only
    bool at_apc_level = false;                   // NT notifies at PASSIVE_LEVEL or at this
    std::int64_t timestamp = 0;
};

struct ThreadExit {
    std::uint32_t pid = 0;
    std::uint32_t tid = 0;
    std::optional<NTSTATUS> status;  // NT always knows it
    std::int64_t timestamp = 0;
};

// An image that is mapped to be run.
struct ImageLoad {
    std::uint32_t pid = 0;     // 0: a driver
    std::uint32_t loader = 0;  // whose thread maps it
    std::uint32_t loader_tid = 0;
    std::optional<std::u16string_view> path;       // as NT names it
    std::optional<std::u16string_view> file_name;  // of the file object, where NT hands one out
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    bool kernel = false;  // it runs in kernel mode
    bool partial = false;
    bool machine_mismatch = false;  // told only to who asks for images of every architecture
    std::uint8_t signature_level = 0;
    std::uint8_t signature_type = 0;
    std::int64_t timestamp = 0;
};

// A handle to a process or thread that is opened or duplicated.
struct HandleOpen {
    std::uint32_t pid = 0;  // whose thread calls
    std::uint32_t tid = 0;
    std::uint32_t target = 0;      // the process, or that of the thread
    std::uint32_t target_tid = 0;  // 0: it is the process
    ACCESS_MASK access = 0;        // that is asked for
    bool made = false;             // there is a handle then; otherwise nobody knows
    bool duplicate = false;
    std::uint32_t source = 0;  // of a duplicate: from whose handles
    std::uint32_t destination = 0;
    std::int64_t timestamp = 0;
};

}  // namespace aegis::host
