// What /proc says of a process beside its image: its arguments, whose it is, when it was made.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "driver/host/sources/activity_source.hpp"

namespace aegis::host::sources {

// As the kernel has it.
struct DetailBytes {
    std::optional<std::string> arguments = std::nullopt;  // each ends with a NUL; none: they could not be read
    std::optional<ProcessOwner> owner = std::nullopt;
    std::uint64_t start_ticks = 0;  // clock ticks since boot; 0: not known
};

// The same as NT sees it.
struct Details {
    std::optional<std::u16string> command_line = std::nullopt;
    std::optional<ProcessOwner> owner = std::nullopt;
    NtTime created = 0;  // 0: not known
};

// Shared by a process and those that it forked and that run the same image.
using DetailsPointer = std::shared_ptr<const Details>;

// Empty when the process is gone. Of arguments at most what a counted string of NT holds.
DetailBytes read_details(std::uint32_t pid);

DetailsPointer to_nt_details(const DetailBytes& bytes);

// `arguments`, each of which ends with a NUL, as one line that Windows takes apart into the same ones. A quote in the
// first one, the program, cannot be written on Windows beside a blank, nor as its first character: those are left out.
std::string windows_command_line(std::string_view arguments);

// What a process ended with, of its wait status: its own number, or 128 and that of the signal that killed it.
std::int32_t exit_status_of(std::uint32_t wait_status);

// The time of an instant so many clock ticks after boot.
NtTime time_of_ticks(std::uint64_t ticks);

}  // namespace aegis::host::sources
