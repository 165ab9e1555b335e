#include "agent/format/handle_text.hpp"

#include <fmt/compile.h>

#include <iterator>

#include "agent/events/access_rights.hpp"

namespace aegis::agent {
namespace {

void append_rights(std::uint32_t access, std::uint8_t object_type, Lines& lines) {
    const std::size_t begin = lines.size();
    const auto separate = [&] { append(lines, lines.size() == begin ? "" : "|"); };
    const std::uint32_t nameless = for_each_right(access, object_type, [&](std::string_view name) {
        separate();
        append(lines, name);
    });
    if (nameless != 0 || access == 0) {
        separate();
        fmt::format_to(std::back_inserter(lines), FMT_COMPILE("0x{:x}"), nameless);
    }
}

void append_program(const ProcessName& process, std::int64_t time, ProcessTable& processes, KnownProcess& scratch,
                    Lines& lines) {
    if (processes.look_up(process, time, scratch, 1) && !scratch.text(0).empty()) {
        append(lines, " ");
        append(lines, scratch.text(0));
    }
}

}  // namespace

void append_handle_text(const AEGIS_HANDLE_PAYLOAD& handle, std::int64_t time, ProcessTable& processes,
                        KnownProcess& scratch, Lines& lines) {
    append(lines, handle.ObjectType == AEGIS_HANDLE_THREAD ? " THREAD-OPEN pid=" : " PROCESS-OPEN pid=");
    append_number(lines, handle.ProcessId);
    append(lines, " tid=");
    append_number(lines, handle.ThreadId);
    append_program({handle.ProcessId, handle.ProcessKey}, time, processes, scratch, lines);
    append(lines, " target=");
    append_number(lines, handle.TargetProcessId);
    if (handle.TargetThreadId != 0) {
        append(lines, ":");
        append_number(lines, handle.TargetThreadId);
    }
    append_program({handle.TargetProcessId, handle.TargetKey}, time, processes, scratch, lines);
    append(lines, " access=");
    append_rights(handle.OriginalAccess, handle.ObjectType, lines);
    if ((handle.Flags & AEGIS_HANDLE_STRIPPED) != 0) {
        append(lines, " [stripped: ");
        append_rights(handle.OriginalAccess & ~handle.DesiredAccess, handle.ObjectType, lines);
        append(lines, "]");
    }
    if ((handle.Flags & AEGIS_HANDLE_GRANTED_VALID) == 0) {
        append(lines, " [not granted]");
    }
    if (handle.Operation == AEGIS_HANDLE_DUPLICATE) {
        fmt::format_to(std::back_inserter(lines), FMT_COMPILE(" [duplicate {} -> {}]"), handle.SourceProcessId,
                       handle.DestinationProcessId);
    }
}

}  // namespace aegis::agent
