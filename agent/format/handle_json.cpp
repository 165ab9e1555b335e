#include "agent/format/handle_json.hpp"

#include <fmt/compile.h>

#include <iterator>

#include "agent/events/access_rights.hpp"

namespace aegis::agent {
namespace {

constexpr std::string_view kOpened[] = {
    R"("kind":"event","category":["process"],"type":["access"],"action":"process-open","code":"9")",
    R"("kind":"event","category":["process"],"type":["access"],"action":"thread-open","code":"9")",
};
constexpr std::string_view kStripped[] = {
    R"("kind":"event","category":["process"],"type":["access","denied"],"action":"process-open","outcome":"failure","code":"9")",
    R"("kind":"event","category":["process"],"type":["access","denied"],"action":"thread-open","outcome":"failure","code":"9")",
};

// A list of names, what has none left out, and the number that has it all.
void append_access(std::string_view member, std::uint32_t access, std::uint8_t object_type, Lines& lines) {
    fmt::format_to(std::back_inserter(lines), FMT_COMPILE(R"(,"{}":{{"mask":"0x{:x}","rights":[)"), member, access);
    std::string_view separator = "";
    for_each_right(access, object_type, [&](std::string_view name) {
        append(lines, separator);
        append(lines, "\"");
        append(lines, name);
        append(lines, "\"");
        separator = ",";
    });
    append(lines, "]}");
}

// 64-bit identifiers are strings. Nothing where it is not known.
void append_key_and_kind(std::string_view member, std::uint64_t key, bool is_time, Lines& lines) {
    if (key == 0) {
        return;
    }
    fmt::format_to(std::back_inserter(lines), FMT_COMPILE(R"(,"{}":"{}")"), member, key);
    if (is_time) {
        fmt::format_to(std::back_inserter(lines), FMT_COMPILE(R"(,"{}_is_time":true)"), member);
    }
}

}  // namespace

std::string_view handle_event_fields(const AEGIS_HANDLE_PAYLOAD& handle) {
    const std::size_t object = handle.ObjectType == AEGIS_HANDLE_THREAD ? 1 : 0;
    return (handle.Flags & AEGIS_HANDLE_STRIPPED) != 0 ? kStripped[object] : kOpened[object];
}

void append_handle_fields(const AEGIS_HANDLE_PAYLOAD& handle, Lines& lines) {
    append(lines, R"(,"handle":{"operation":")");
    append(lines, handle.Operation == AEGIS_HANDLE_DUPLICATE ? "duplicate\"" : "open\"");
    append(lines, R"(,"object":")");
    append(lines, handle.ObjectType == AEGIS_HANDLE_THREAD ? "thread\"" : "process\"");
    append_access("requested", handle.OriginalAccess, handle.ObjectType, lines);
    if ((handle.Flags & AEGIS_HANDLE_STRIPPED) != 0) {
        append_access("stripped", handle.OriginalAccess & ~handle.DesiredAccess, handle.ObjectType, lines);
    }
    if ((handle.Flags & AEGIS_HANDLE_GRANTED_VALID) != 0) {
        append_access("granted", handle.GrantedAccess, handle.ObjectType, lines);
    }
    if (handle.Operation == AEGIS_HANDLE_DUPLICATE) {
        fmt::format_to(std::back_inserter(lines), FMT_COMPILE(R"(,"source_pid":{},"destination_pid":{})"),
                       handle.SourceProcessId, handle.DestinationProcessId);
    }
    append_key_and_kind("process_key", handle.ProcessKey, (handle.Flags & AEGIS_HANDLE_KEY_IS_TIME) != 0, lines);
    append_key_and_kind("target_key", handle.TargetKey, (handle.Flags & AEGIS_HANDLE_TARGET_KEY_IS_TIME) != 0, lines);
    append(lines, "}");
}

}  // namespace aegis::agent
