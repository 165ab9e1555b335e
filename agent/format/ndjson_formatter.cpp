#include "agent/format/ndjson_formatter.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "aegis/version.h"
#include "agent/events/program_name.hpp"
#include "agent/events/utf16.hpp"
#include "agent/format/handle_json.hpp"
#include "agent/format/json_text.hpp"
#include "agent/format/registry_json.hpp"

namespace aegis::agent {
namespace {

constexpr std::string_view kSuppressed = R"("kind":"event","action":"events-suppressed","code":"11")";
constexpr std::string_view kThreadStart =
    R"("kind":"event","category":["process"],"type":["start"],"action":"thread-start","code":"3")";
constexpr std::string_view kThreadEnd =
    R"("kind":"event","category":["process"],"type":["end"],"action":"thread-end","code":"7")";
constexpr std::string_view kLibraryLoad =
    R"("kind":"event","category":["library"],"type":["start"],"action":"image-load","code":"4")";
constexpr std::string_view kDriverLoad =
    R"("kind":"event","category":["driver"],"type":["start"],"action":"image-load","code":"4")";
constexpr std::string_view kUnknown = R"("kind":"event","code":")";
constexpr std::string_view kLost = R"("kind":"pipeline_error","action":"events-lost")";

constexpr std::string_view kEcsVersion = "8.11.0";
constexpr std::string_view kAgentName = "aegis-agent";

std::string render_constants(std::string_view host_name) {
    Lines lines;
    append(lines, R"(,"module":"aegis","dataset":"aegis.process","provider":"AegisMon"})");
    fmt::format_to(std::back_inserter(lines), R"(,"ecs":{{"version":"{}"}},"host":{{"name":)", kEcsVersion);
    append_json_string(host_name, lines);
    fmt::format_to(std::back_inserter(lines), R"(}},"agent":{{"name":"{}","version":"{}"}})", kAgentName,
                   AEGIS_VERSION_STRING);
    return fmt::to_string(lines);
}

// The members of aegis.thread, each behind a comma.
void append_thread_start(const AEGIS_THREAD_PAYLOAD& thread, Lines& lines) {
    if (thread.CreatorThreadId != 0) {
        append(lines, R"(,"creator_pid":)");
        append_number(lines, thread.CreatorProcessId);
        append(lines, R"(,"creator_tid":)");
        append_number(lines, thread.CreatorThreadId);
        append_key(R"(,"creator_key":")", thread.CreatorKey, lines);
        append_flag(thread.Flags, AEGIS_THREAD_CREATOR_KEY_IS_TIME, R"(,"creator_key_is_time":true)", lines);
    }
    if ((thread.Flags & AEGIS_THREAD_ADDRESS_VALID) != 0) {
        fmt::format_to(std::back_inserter(lines), FMT_COMPILE(R"(,"start_address":"0x{:x}")"), thread.StartAddress);
    }
    append_flag(thread.Flags, AEGIS_THREAD_REMOTE, R"(,"remote":true)", lines);
    append_flag(thread.Flags, AEGIS_THREAD_FIRST, R"(,"first":true)", lines);
}

// The members of aegis.image that are not about its path, each behind a comma.
void append_image_fields(const ImageFields& image, Lines& lines) {
    fmt::format_to(std::back_inserter(lines),
                   FMT_COMPILE(R"(,"base":"0x{:x}","size":{},"signature_level":{},"signature_type":{})"), image.base,
                   image.size, image.signature_level, image.signature_type);
    append(lines, R"(,"loader_pid":)");
    append_number(lines, image.loader_process_id);
    append(lines, R"(,"loader_tid":)");
    append_number(lines, image.thread_id);
    append_key(R"(,"process_key":")", image.process_key, lines);
    append_flag(image.flags, AEGIS_IMAGE_KEY_IS_TIME, R"(,"process_key_is_time":true)", lines);
    append_flag(image.flags, AEGIS_IMAGE_KERNEL, R"(,"kernel":true)", lines);
    append_flag(image.flags, AEGIS_IMAGE_PARTIAL_MAP, R"(,"partial_map":true)", lines);
    append_flag(image.flags, AEGIS_IMAGE_MACHINE_MISMATCH, R"(,"machine_mismatch":true)", lines);
}

}  // namespace

std::string hexadecimal(const SessionId& session) {
    std::string text;
    for (const std::uint8_t byte : session) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

NdjsonFormatter::NdjsonFormatter(const SessionId& session, std::string_view host_name, ProcessTable& processes,
                                 std::unique_ptr<DosPaths> dos_paths, std::unique_ptr<UserNames> users)
    : session_(hexadecimal(session)),
      constants_(render_constants(host_name)),
      processes_(&processes),
      process_(session_, processes),
      dos_paths_(std::move(dos_paths)),
      users_(std::move(users)) {}

void NdjsonFormatter::append_event(const Event& event, std::uint64_t sequence, Lines& lines) {
    switch (event.header.Type) {
        case AEGIS_EVENT_PROCESS_CREATE:
            append_create(event, sequence, lines);
            break;
        case AEGIS_EVENT_PROCESS_EXIT:
            append_exit(event, sequence, lines);
            break;
        case AEGIS_EVENT_SUPPRESSED:
            append_suppressed(event, sequence, lines);
            break;
        case AEGIS_EVENT_THREAD_CREATE:
        case AEGIS_EVENT_THREAD_EXIT:
            append_thread(event, sequence, lines);
            break;
        case AEGIS_EVENT_IMAGE_LOAD:
            append_image(event, sequence, lines);
            break;
        case AEGIS_EVENT_HANDLE_OP:
            append_handle(event, sequence, lines);
            break;
        case AEGIS_EVENT_REGISTRY_OP:
            append_registry(event, sequence, lines);
            break;
        default:
            append_unknown(event, sequence, lines);
            break;
    }
}

void NdjsonFormatter::append_head(std::string_view event_fields, std::int64_t filetime, Lines& lines) {
    append(lines, R"({"@timestamp":")");
    time_.append_iso(lines, filetime);
    append(lines, R"(","event":{)");
    append(lines, event_fields);
}

void NdjsonFormatter::append_identity(std::uint64_t sequence, Lines& lines) {
    const fmt::format_int digits(sequence);
    const std::string_view number(digits.data(), digits.size());
    append(lines, R"(,"sequence":)");
    append(lines, number);
    append(lines, R"(,"id":")");
    append(lines, session_);
    append(lines, "-");
    append(lines, number);
    append(lines, "\"");
    append(lines, constants_);
}

std::size_t NdjsonFormatter::append_file(const Event& event, std::string_view path_member, Lines& lines) {
    path_.clear();
    path_invalid_ = append_utf8(event.path(), path_);
    const std::string_view path(path_.data(), path_.size());
    if (path.empty()) {
        return lines.size();
    }
    const bool translated = dos_paths_ != nullptr && dos_paths_->translate(path, dos_path_);
    const std::string_view executable = translated ? std::string_view(dos_path_) : path;
    append(lines, path_member);
    append_json_string(executable, lines);
    const std::size_t end = lines.size();
    if (const std::string_view name = program_name(event, executable); !name.empty()) {
        append(lines, R"(,"name":)");
        append_json_string(name, lines);
    }
    return end;
}

// What qualifies process.executable, wherever that appears.
void NdjsonFormatter::append_path_fields(const Event& event, Lines& lines) {
    append(lines, R"("path_exact":)");
    append(lines, event.path_exact ? "true" : "false");
    if (event.path_cut()) {
        append(lines, R"(,"path_truncated":true,"path_length":)");
        append_number(lines, event.path_full_length);
        // Of a whole path, path_exact says it already.
        if (event.path_partial) {
            append(lines, R"(,"path_partial":true)");
        }
    }
    if (path_invalid_) {
        append(lines, R"(,"path_invalid_utf16":true)");
    }
}

// The aegis object begins; it stays open.
void NdjsonFormatter::append_filetime(const Event& event, Lines& lines) {
    append(lines, R"(,"aegis":{"filetime":")");
    append_number(lines, event.header.Timestamp);
    append(lines, "\"");
}

void NdjsonFormatter::append_suppressed(const Event& event, std::uint64_t sequence, Lines& lines) {
    const AEGIS_SUPPRESSED_PAYLOAD& suppressed = event.suppressed;
    append_head(kSuppressed, event.header.Timestamp, lines);
    append_identity(sequence, lines);
    append_filetime(event, lines);
    append(lines, R"(,"suppressed":{"count":)");
    append_number(lines, suppressed.Count);
    append(lines, R"(,"type":)");
    append_number(lines, suppressed.Type);
    append(lines, R"(,"reason":")");
    append(lines, suppressed.Reason == AEGIS_SUPPRESSED_MERGED ? "merged" : "limited");
    append(lines, R"(","first":")");
    time_.append_iso(lines, suppressed.FirstTime);
    append(lines, R"(","last":")");
    time_.append_iso(lines, suppressed.LastTime);
    append(lines, "\"");
    if (suppressed.LikeProcessId != 0) {
        append(lines, R"(,"like_pid":)");
        append_number(lines, suppressed.LikeProcessId);
    }
    append(lines, "}}}\n");
}

void NdjsonFormatter::append_thread(const Event& event, std::uint64_t sequence, Lines& lines) {
    const bool start = event.header.Type == AEGIS_EVENT_THREAD_CREATE;
    append_head(start ? kThreadStart : kThreadEnd, event.header.Timestamp, lines);
    append_identity(sequence, lines);
    append(lines, R"(,"process":{)");
    process_.append({event.process_id, event.thread.ProcessKey}, event.header.Timestamp, lines);
    append(lines, R"(,"thread":{"id":)");
    append_number(lines, event.thread.ThreadId);
    append(lines, "}}");
    append_filetime(event, lines);
    process_.append_path(lines);
    append(lines, R"(,"thread":{"system":)");
    append(lines, (event.thread.Flags & AEGIS_THREAD_SYSTEM) != 0 ? "true" : "false");
    append_key(R"(,"process_key":")", event.thread.ProcessKey, lines);
    append_flag(event.thread.Flags, AEGIS_THREAD_KEY_IS_TIME, R"(,"process_key_is_time":true)", lines);
    if (start) {
        append_thread_start(event.thread, lines);
    } else if ((event.thread.Flags & AEGIS_THREAD_EXIT_STATUS_VALID) != 0) {
        append(lines, R"(,"exit_code":)");
        append_number(lines, static_cast<std::uint32_t>(event.thread.ExitStatus));
    }
    append(lines, "}}}\n");
}

void NdjsonFormatter::append_image(const Event& event, std::uint64_t sequence, Lines& lines) {
    const ImageFields& image = event.image;
    const bool driver = (image.flags & AEGIS_IMAGE_KERNEL) != 0 || event.process_id == 0;
    append_head(driver ? kDriverLoad : kLibraryLoad, event.header.Timestamp, lines);
    append_identity(sequence, lines);
    // A driver is loaded into no process; who loads it is the one to name.
    const std::uint32_t process_id = event.process_id != 0 ? event.process_id : image.loader_process_id;
    append(lines, R"(,"process":{)");
    process_.append({process_id, image.process_key}, event.header.Timestamp, lines);
    if (event.process_id == image.loader_process_id || event.process_id == 0) {
        append(lines, R"(,"thread":{"id":)");
        append_number(lines, image.thread_id);
        append(lines, "}");
    }
    append(lines, "}");
    if (event.path_length != 0) {
        append(lines, R"(,"dll":{)");
    }
    append_file(event, R"("path":)", lines);
    if (event.path_length != 0) {
        append(lines, "}");
    }
    append_filetime(event, lines);
    process_.append_path(lines);
    append(lines, R"(,"image":{)");
    append_path_fields(event, lines);
    append_image_fields(image, lines);
    if (dos_paths_ != nullptr && path_.size() != 0) {
        append(lines, R"(,"nt_path":)");
        append_json_string({path_.data(), path_.size()}, lines);
    }
    append(lines, "}}}\n");
}

void NdjsonFormatter::append_handle(const Event& event, std::uint64_t sequence, Lines& lines) {
    const AEGIS_HANDLE_PAYLOAD& handle = event.handle;
    append_head(handle_event_fields(handle), event.header.Timestamp, lines);
    append_identity(sequence, lines);
    append(lines, R"(,"Target":{"process":{)");
    process_.append({handle.TargetProcessId, handle.TargetKey}, event.header.Timestamp, lines);
    if (handle.TargetThreadId != 0) {
        append(lines, R"(,"thread":{"id":)");
        append_number(lines, handle.TargetThreadId);
        append(lines, "}");
    }
    // Behind the target: append_path() below is about the one that opens it.
    append(lines, R"(}},"process":{)");
    process_.append({handle.ProcessId, handle.ProcessKey}, event.header.Timestamp, lines);
    append(lines, R"(,"thread":{"id":)");
    append_number(lines, handle.ThreadId);
    append(lines, "}}");
    append_filetime(event, lines);
    process_.append_path(lines);
    append_handle_fields(handle, lines);
    append(lines, "}}\n");
}

void NdjsonFormatter::append_registry(const Event& event, std::uint64_t sequence, Lines& lines) {
    append_head(registry_event_fields(event.registry, path_), event.header.Timestamp, lines);
    append_identity(sequence, lines);
    append(lines, R"(,"process":{)");
    process_.append({event.process_id, event.registry.ProcessKey}, event.header.Timestamp, lines);
    append(lines, R"(,"thread":{"id":)");
    append_number(lines, event.registry.ThreadId);
    append(lines, R"(}},"registry":{)");
    append_registry_fields(event.registry, lines);
    append(lines, "}");
    append_filetime(event, lines);
    process_.append_path(lines);
    append(lines, R"(,"registry":{)");
    append_aegis_registry_fields(event.registry, lines);
    append(lines, "}}}\n");
}

void NdjsonFormatter::append_unknown(const Event& event, std::uint64_t sequence, Lines& lines) {
    append_head(kUnknown, event.header.Timestamp, lines);
    append_number(lines, event.header.Type);
    append(lines, "\"");
    append_identity(sequence, lines);
    append_filetime(event, lines);
    append(lines, R"(,"type":)");
    append_number(lines, event.header.Type);
    append(lines, R"(,"size":)");
    append_number(lines, event.header.Size);
    append(lines, "}}\n");
}

void NdjsonFormatter::append_loss(const LostEvents& lost, std::int64_t filetime, Lines& lines) {
    processes_->forget_all();
    append_head(kLost, filetime, lines);
    append(lines, constants_);
    append(lines, R"(,"aegis":{"lost":{"reason":")");
    append(lines, name_of(lost.reason));
    append(lines, "\"");
    if (lost.reason == LossReason::kOverwritten) {
        append(lines, R"(,"first":)");
        append_number(lines, lost.first);
        append(lines, R"(,"last":)");
        append_number(lines, lost.last);
    }
    append(lines, R"(,"count":)");
    append_number(lines, lost.count);
    append(lines, "}}}\n");
}

}  // namespace aegis::agent
