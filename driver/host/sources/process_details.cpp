#include "driver/host/sources/process_details.hpp"

#include <unistd.h>
#include <utf8.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <limits>

#include "driver/host/sources/nt_clock.hpp"
#include "driver/host/sources/process_files.hpp"

namespace aegis::host::sources {
namespace {

// A counted string of NT holds no more.
constexpr std::size_t kMostCommandLineUnits = std::numeric_limits<std::uint16_t>::max() / sizeof(char16_t);

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

void append_program(std::string_view program, std::string& line) {
    const bool quoted =
        program.empty() || program.front() == '"' ||
        std::any_of(program.begin(), program.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; });
    if (!quoted) {
        line += program;
        return;
    }
    line += '"';
    std::remove_copy(program.begin(), program.end(), std::back_inserter(line), '"');
    line += '"';
}

// Backslashes are doubled where a quote follows them, one of the argument's or the one that closes it.
void append_argument(std::string_view argument, std::string& line) {
    const bool quoted = argument.empty() || argument.find('"') != std::string_view::npos ||
                        std::any_of(argument.begin(), argument.end(), is_blank);
    if (!quoted) {
        line += argument;
        return;
    }
    line += '"';
    std::size_t backslashes = 0;
    for (const char c : argument) {
        if (c == '"') {
            line.append(backslashes + 1, '\\');
        }
        backslashes = c == '\\' ? backslashes + 1 : 0;
        line += c;
    }
    line.append(backslashes, '\\');
    line += '"';
}

}  // namespace

std::string windows_command_line(std::string_view arguments) {
    std::string line;
    for (bool first = true; !arguments.empty(); first = false) {
        const std::size_t end = std::min(arguments.find('\0'), arguments.size());
        const std::string_view argument = arguments.substr(0, end);
        if (first) {
            append_program(argument, line);
        } else {
            line += ' ';
            append_argument(argument, line);
        }
        arguments.remove_prefix(std::min(end + 1, arguments.size()));
    }
    return line;
}

DetailBytes read_details(std::uint32_t pid) {
    DetailBytes details;
    details.arguments = read_arguments(pid, kMostCommandLineUnits);
    if (const std::optional<ProcessStat> stat = read_stat(pid)) {
        details.start_ticks = stat->start_time;
        if (const std::optional<std::uint32_t> uid = read_uid(pid)) {
            details.owner = ProcessOwner{.uid = *uid, .session = stat->session};
        }
    }
    return details;
}

DetailsPointer to_nt_details(const DetailBytes& bytes) {
    auto details = std::make_shared<Details>();
    details->owner = bytes.owner;
    details->created = bytes.start_ticks != 0 ? time_of_ticks(bytes.start_ticks) : 0;
    if (bytes.arguments) {
        const std::string line = windows_command_line(*bytes.arguments);
        std::string valid;
        utf8::replace_invalid(line.begin(), line.end(), std::back_inserter(valid));
        std::u16string& text = details->command_line.emplace();
        utf8::unchecked::utf8to16(valid.begin(), valid.end(), std::back_inserter(text));
        text.resize(std::min(text.size(), kMostCommandLineUnits));
    }
    return details;
}

std::int32_t exit_status_of(std::uint32_t wait_status) {
    constexpr std::uint32_t kSignal = 0x7F;
    constexpr std::int32_t kKilled = 128;
    const auto signal = static_cast<std::int32_t>(wait_status & kSignal);
    return signal != 0 ? kKilled + signal : static_cast<std::int32_t>(wait_status >> 8 & 0xFF);
}

NtTime time_of_ticks(std::uint64_t ticks) {
    return nt_time_of(CLOCK_BOOTTIME,
                      static_cast<std::int64_t>(ticks) * (kNanosecondsPerSecond / sysconf(_SC_CLK_TCK)));
}

}  // namespace aegis::host::sources
