// Starts and ends of processes, with what was told of them beside.
#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <iterator>

#include "agent/events/command_line.hpp"
#include "agent/events/sid.hpp"
#include "agent/events/utf16.hpp"
#include "agent/format/json_text.hpp"
#include "agent/format/ndjson_formatter.hpp"

namespace aegis::agent {
namespace {

constexpr std::string_view kStart =
    R"("kind":"event","category":["process"],"type":["start"],"action":"process-start","code":"1")";
constexpr std::string_view kRefused =
    R"("kind":"event","category":["process"],"type":["start","denied"],"action":"process-refused","outcome":"failure","code":"1")";
constexpr std::string_view kEnd =
    R"("kind":"event","category":["process"],"type":["end"],"action":"process-end","code":"2")";

std::string_view between(const Lines& lines, std::size_t begin, std::size_t end) {
    return {lines.data() + begin, end - begin};
}

std::string_view elevation_name(std::uint8_t elevation) {
    switch (elevation) {
        case AEGIS_ELEVATION_DEFAULT:
            return "default";
        case AEGIS_ELEVATION_FULL:
            return "full";
        case AEGIS_ELEVATION_LIMITED:
            return "limited";
        default:
            return "";
    }
}

// Those that Windows names; others by their number.
std::string_view integrity_name(std::uint32_t level) {
    constexpr std::uint32_t kStep = 0x1000;
    constexpr std::array<std::string_view, 6> kNames = {"untrusted", "low", "medium", "high", "system", "protected"};
    return level % kStep == 0 && level / kStep < kNames.size() ? kNames[level / kStep] : "";
}

void append_integrity(std::uint32_t level, Lines& lines) {
    append(lines, R"(,"integrity_level":")");
    if (const std::string_view name = integrity_name(level); !name.empty()) {
        append(lines, name);
    } else {
        fmt::format_to(std::back_inserter(lines), FMT_COMPILE("{:#x}"), level);
    }
    append(lines, "\"");
}

void append_exit_code(const ProcessDetails& details, Lines& lines) {
    if (details.has(AEGIS_DETAILS_EXIT_STATUS_VALID)) {
        append(lines, R"(,"exit_code":)");
        append_number(lines, static_cast<std::uint32_t>(details.fields.exit_status));
    }
}

}  // namespace

void NdjsonFormatter::append_create(const Event& event, std::uint64_t sequence, Lines& lines) {
    const ProcessDetails* const details = event.known;
    const ProcessName name{event.process_id, details != nullptr ? details->fields.process_key : 0};
    append_head(event.refused ? kRefused : kStart, event.header.Timestamp, lines);
    append_identity(sequence, lines);
    append(lines, R"(,"process":{"pid":)");
    append_number(lines, event.process_id);
    process_.append_entity_id(R"(,"entity_id":")", name, lines);
    const std::size_t executable = lines.size();
    const std::size_t origin = append_file(event, R"(,"executable":)", lines);
    append_parent(event, lines);
    const std::size_t start = lines.size();
    if (details != nullptr) {
        append_command_line(*details, lines);
        append_start_time(details->fields.creation_time, lines);
    }
    const std::size_t start_end = lines.size();
    append(lines, "}");
    const std::size_t user = lines.size();
    if (details != nullptr) {
        append_user(details->sid(), lines);
    }
    const std::size_t user_end = lines.size();
    append_filetime(event, lines);
    append(lines, R"(,"process":{)");
    const std::size_t path = lines.size();
    append_path_fields(event, lines);
    if (!event.refused) {
        std::array<std::string_view, KnownProcess::kTexts> texts;
        texts[kExecutableText] = between(lines, executable, origin);
        texts[kOriginText] = between(lines, origin, start);
        texts[kPathText] = between(lines, path, lines.size());
        texts[kStartText] = between(lines, start, start_end);
        texts[kUserText] = between(lines, user, user_end);
        processes_->remember({name, event.header.Timestamp, details != nullptr ? details->fields.creation_time : 0},
                             texts);
    }
    append_sensor_fields(event, lines);
    append(lines, "}}}\n");
}

void NdjsonFormatter::append_parent(const Event& event, Lines& lines) {
    const std::uint64_t key = event.known != nullptr ? event.known->fields.parent_key : 0;
    append(lines, R"(,"parent":{"pid":)");
    append_number(lines, event.parent_process_id);
    const bool known = processes_->look_up({event.parent_process_id, key}, event.header.Timestamp, known_, 1);
    process_.append_entity_id(R"(,"entity_id":")", {event.parent_process_id, key != 0 || !known ? key : known_.key},
                              lines);
    if (known) {
        append(lines, known_.text(kExecutableText));
    }
    append(lines, "}");
}

void NdjsonFormatter::append_command_line(const ProcessDetails& details, Lines& lines) {
    command_line_.clear();
    command_line_invalid_ = false;
    if (!details.has(AEGIS_DETAILS_COMMAND_LINE_VALID)) {
        return;
    }
    command_line_invalid_ = append_utf8(details.command_line, command_line_);
    const std::string_view text(command_line_.data(), command_line_.size());
    append(lines, R"(,"command_line":)");
    append_json_string(text, lines);
    append(lines, R"(,"args":[)");
    const char* comma = "";
    for_each_argument(text, argument_, [&](std::string_view argument) {
        append(lines, comma);
        append_json_string(argument, lines);
        comma = ",";
    });
    append(lines, "]");
}

void NdjsonFormatter::append_user(std::span<const std::byte> sid, Lines& lines) {
    const std::size_t begin = lines.size();
    append(lines, R"(,"user":{"id":")");
    if (const std::optional<std::uint32_t> uid = unix_user(sid)) {
        append_number(lines, *uid);
    } else if (!append_sid(sid, lines)) {
        lines.resize(begin);
        return;
    }
    append(lines, "\"");
    if (users_ != nullptr) {
        const UserName& user = users_->find(sid);
        append_text(R"(,"name":)", user.name, lines);
        append_text(R"(,"domain":)", user.domain, lines);
    }
    append(lines, "}");
}

void NdjsonFormatter::append_start_time(std::int64_t creation, Lines& lines) {
    if (creation != 0) {
        append(lines, R"(,"start":")");
        start_time_.append_iso(lines, creation);
        append(lines, "\"");
    }
}

void NdjsonFormatter::append_sensor_fields(const Event& event, Lines& lines) {
    if (dos_paths_ != nullptr && path_.size() != 0) {
        append(lines, R"(,"nt_path":)");
        append_json_string({path_.data(), path_.size()}, lines);
    }
    append(lines, R"(,"creator_pid":)");
    append_number(lines, event.creating_process_id);
    const bool mismatch = event.creating_process_id != event.parent_process_id;
    if (mismatch) {
        append(lines, R"(,"creator_mismatch":true)");
    }
    if (event.known != nullptr) {
        const DetailsFields& fields = event.known->fields;
        if (mismatch) {
            process_.append_entity_id(R"(,"creator_entity_id":")", {event.creating_process_id, fields.creator_key},
                                      lines);
        }
        if (fields.creating_thread_id != 0) {
            append(lines, R"(,"creator_tid":)");
            append_number(lines, fields.creating_thread_id);
        }
        append_token_fields(*event.known, lines);
    }
    append_flag(event.details_lost ? 1 : 0, 1, R"(,"details_lost":true)", lines);
}

void NdjsonFormatter::append_token_fields(const ProcessDetails& details, Lines& lines) {
    const DetailsFields& fields = details.fields;
    if (details.has(AEGIS_DETAILS_TOKEN_VALID)) {
        append(lines, R"(,"session_id":)");
        append_number(lines, fields.session_id);
        if (fields.logon_id != 0) {
            fmt::format_to(std::back_inserter(lines), FMT_COMPILE(R"(,"logon_id":"{:#x}")"), fields.logon_id);
        }
    }
    if (details.has(AEGIS_DETAILS_INTEGRITY_VALID)) {
        append_integrity(fields.integrity_level, lines);
    }
    append_text(R"(,"elevation":)", elevation_name(fields.elevation), lines);
    if (details.command_line_cut()) {
        append(lines, R"(,"command_line_truncated":true,"command_line_length":)");
        append_number(lines, fields.command_line_full_length);
    }
    append_flag(command_line_invalid_ ? 1 : 0, 1, R"(,"command_line_invalid_utf16":true)", lines);
}

void NdjsonFormatter::append_exit(const Event& event, std::uint64_t sequence, Lines& lines) {
    constexpr std::int64_t kNanosecondsPerUnit = 100;
    const ProcessDetails* const details = event.known;
    ProcessName name{event.process_id, details != nullptr ? details->fields.process_key : 0};
    const bool known = processes_->take(name, event.header.Timestamp, known_);
    std::int64_t creation = known ? known_.creation : 0;
    if (details != nullptr && details->fields.creation_time != 0) {
        creation = details->fields.creation_time;
    }
    if (known && name.key == 0) {
        name.key = known_.key;
    }
    append_head(kEnd, event.header.Timestamp, lines);
    if (creation != 0 && creation <= event.header.Timestamp) {
        append(lines, R"(,"duration":)");
        append_number(lines, (event.header.Timestamp - creation) * kNanosecondsPerUnit);
    }
    append_identity(sequence, lines);
    append(lines, R"(,"process":{"pid":)");
    append_number(lines, event.process_id);
    process_.append_entity_id(R"(,"entity_id":")", name, lines);
    if (known) {
        append(lines, known_.text(kExecutableText));
        append(lines, known_.text(kOriginText));
        append(lines, known_.text(kStartText));
    }
    if (!known || known_.text(kStartText).empty()) {
        append_start_time(creation, lines);
    }
    append(lines, R"(,"end":")");
    time_.append_iso(lines, event.header.Timestamp);
    append(lines, "\"");
    if (details != nullptr) {
        append_exit_code(*details, lines);
    }
    append(lines, "}");
    if (known && !known_.text(kUserText).empty()) {
        append(lines, known_.text(kUserText));
    } else if (details != nullptr) {
        append_user(details->sid(), lines);
    }
    append_filetime(event, lines);
    if (known) {
        append(lines, R"(,"process":{)");
        append(lines, known_.text(kPathText));
        append_flag(event.details_lost ? 1 : 0, 1, R"(,"details_lost":true)", lines);
        append(lines, "}");
    } else if (event.details_lost) {
        append(lines, R"(,"process":{"details_lost":true})");
    }
    append(lines, "}}\n");
}

}  // namespace aegis::agent
