// The program that the kernel runs before a sysctl is read or written, for every process below the root of the control
// groups: it records the writes.
//
// It is put together here, instruction by instruction, so that no compiler is needed where the host runs. The kernel
// checks it when it is loaded. It never refuses: what it says of a write is heard when the write is over.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "driver/host/sources/activity_source.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host::sources {

// What the program leaves in its ring for each write. Texts end with a zero, or where they are full.
struct SysctlRecord {
    static constexpr std::size_t kNameBytes = 128;
    static constexpr std::size_t kValueBytes = 512;

    std::uint64_t monotonic;      // CLOCK_MONOTONIC, nanoseconds
    std::uint64_t process;        // the process's number, and below it the thread's, 32 bits each
    std::int32_t name_result;     // bytes of the name, or a negative error
    std::int32_t value_result;    // the same of the value
    std::uint32_t file_position;  // where in the value it is written to
    std::uint32_t unused;
    char name[kNameBytes];  // kernel/hostname
    char value[kValueBytes];
};

// Bytes of the ring: room for 1,500 writes that nobody has looked at yet.
inline constexpr std::uint32_t kSysctlRingBytes = 1U << 20;

// Its instructions, with these maps: a ring, and an array of one 64-bit count of records without room.
std::vector<bpf_insn> sysctl_instructions(int ring, int lost);

// The loaded program. It ends with its descriptors, however this process does.
struct SysctlProgram {
    UniqueFd ring;
    UniqueFd lost;
    UniqueFd program;
    UniqueFd attachment;
};

// On error nothing is left, and the message names what it takes.
std::optional<SourceError> load_sysctl_program(SysctlProgram& program);

// Records without room since it was loaded.
std::uint64_t sysctl_records_lost(const SysctlProgram& program);

}  // namespace aegis::host::sources
