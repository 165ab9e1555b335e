#include "agent/format/text_formatter.hpp"

#include <fmt/compile.h>

#include <array>
#include <iterator>

#include "agent/events/program_name.hpp"
#include "agent/events/sid.hpp"
#include "agent/events/utf16.hpp"
#include "agent/format/handle_text.hpp"
#include "agent/format/registry_text.hpp"

namespace aegis::agent {
namespace {

// Where the texts of a process lie in the table.
constexpr std::size_t kName = 0;
constexpr std::size_t kMarks = 1;

// What a reader must know of the path before.
void append_path_marks(const Event& event, bool invalid, Lines& lines) {
    if (event.path_partial) {
        append(lines, " [partial-name]");
    }
    if (event.path_cut()) {
        append(lines, " [path cut: ");
        append_number(lines, event.path_full_length);
        append(lines, " units]");
    }
    if (invalid) {
        append(lines, " [invalid-utf16]");
    }
}

// An NTSTATUS as it is written, whatever else a process ends with as the number that it is.
void append_exit_status(const ProcessDetails& details, Lines& lines) {
    if (!details.has(AEGIS_DETAILS_EXIT_STATUS_VALID)) {
        return;
    }
    const std::int32_t status = details.fields.exit_status;
    if (status < 0) {
        fmt::format_to(std::back_inserter(lines), FMT_COMPILE(" status=0x{:08x}"), static_cast<std::uint32_t>(status));
    } else {
        append(lines, " status=");
        append_number(lines, status);
    }
}

void append_creator(const AEGIS_THREAD_PAYLOAD& thread, Lines& lines) {
    if (thread.CreatorThreadId != 0) {
        append(lines, " creator=");
        append_number(lines, thread.CreatorProcessId);
        append(lines, ":");
        append_number(lines, thread.CreatorThreadId);
    }
    if ((thread.Flags & AEGIS_THREAD_ADDRESS_VALID) != 0) {
        fmt::format_to(std::back_inserter(lines), FMT_COMPILE(" start=0x{:x}"), thread.StartAddress);
    }
}

void append_thread_marks(std::uint32_t flags, Lines& lines) {
    if ((flags & AEGIS_THREAD_FIRST) != 0) {
        append(lines, " [first]");
    } else if ((flags & AEGIS_THREAD_REMOTE) != 0) {
        append(lines, " [remote]");
    }
    if ((flags & AEGIS_THREAD_SYSTEM) != 0) {
        append(lines, " [system]");
    }
}

void append_image_marks(const ImageFields& image, Lines& lines) {
    if ((image.flags & AEGIS_IMAGE_KERNEL) != 0) {
        append(lines, " [driver]");
    }
    if ((image.flags & AEGIS_IMAGE_PARTIAL_MAP) != 0) {
        append(lines, " [partial-map]");
    }
    if ((image.flags & AEGIS_IMAGE_MACHINE_MISMATCH) != 0) {
        append(lines, " [other-machine]");
    }
}

}  // namespace

void TextFormatter::append_time(std::int64_t filetime, Lines& lines) {
    append(lines, "[");
    time_.append_clock(lines, filetime);
    append(lines, "] ");
}

void TextFormatter::append_create(const Event& event, Lines& lines) {
    append(lines, " CREATE pid=");
    append_number(lines, event.process_id);
    append(lines, " ppid=");
    append_number(lines, event.parent_process_id);
    append(lines, " creator=");
    append_number(lines, event.creating_process_id);
    const bool invalid = append_path(event, lines);
    const std::string_view path(path_.data(), path_.size());
    const std::size_t marks = lines.size();
    append_path_marks(event, invalid, lines);
    name_.clear();
    if (const std::string_view name = program_name(event, path); !name.empty()) {
        append_printable(name, name_);
    }
    if (event.refused) {
        append(lines, " [refused]");
    } else {
        const std::array<std::string_view, 2> texts = {std::string_view(name_.data(), name_.size()),
                                                       std::string_view(lines.data() + marks, lines.size() - marks)};
        const std::uint64_t key = event.known != nullptr ? event.known->fields.process_key : 0;
        processes_->remember({{event.process_id, key}, event.header.Timestamp}, texts);
    }
    if (event.creating_process_id != event.parent_process_id) {
        append(lines, " [creator!=parent]");
    }
    if (event.known != nullptr) {
        append_user(*event.known, lines);
    }
    if (event.details_lost) {
        append(lines, " [details lost]");
    }
    if (event.known != nullptr) {
        append_command_line(*event.known, lines);
    }
}

void TextFormatter::append_user(const ProcessDetails& details, Lines& lines) {
    if (!details.has(AEGIS_DETAILS_TOKEN_VALID)) {
        return;
    }
    append(lines, " [user: ");
    const UserName* const user = users_ != nullptr ? &users_->find(details.sid()) : nullptr;
    if (user == nullptr || user->name.empty()) {
        append_sid(details.sid(), lines);
    } else {
        if (!user->domain.empty()) {
            append_printable(user->domain, lines);
            append(lines, "\\");
        }
        append_printable(user->name, lines);
    }
    append(lines, "]");
}

void TextFormatter::append_command_line(const ProcessDetails& details, Lines& lines) {
    if (!details.has(AEGIS_DETAILS_COMMAND_LINE_VALID)) {
        return;
    }
    path_.clear();
    append_utf8(details.command_line, path_);
    append(lines, " [command: ");
    append_printable({path_.data(), path_.size()}, lines);
    append(lines, "]");
    if (details.command_line_cut()) {
        append(lines, " [command cut: ");
        append_number(lines, details.fields.command_line_full_length);
        append(lines, " units]");
    }
}

bool TextFormatter::append_path(const Event& event, Lines& lines) {
    append(lines, " ");
    path_.clear();
    const bool invalid = append_utf8(event.path(), path_);
    if (path_.size() == 0) {
        append(lines, "<unknown>");
    } else {
        append_printable({path_.data(), path_.size()}, lines);
    }
    return invalid;
}

void TextFormatter::append_exit(const Event& event, Lines& lines) {
    append(lines, " EXIT pid=");
    append_number(lines, event.process_id);
    if (event.known != nullptr) {
        append_exit_status(*event.known, lines);
    }
    const std::uint64_t key = event.known != nullptr ? event.known->fields.process_key : 0;
    if (!processes_->take({event.process_id, key}, event.header.Timestamp, known_)) {
        return;
    }
    append_known_name(lines);
    append(lines, known_.text(kMarks));
}

void TextFormatter::append_known_name(Lines& lines) {
    if (const std::string_view name = known_.text(kName); !name.empty()) {
        append(lines, " ");
        append(lines, name);
    }
}

void TextFormatter::append_suppressed(const AEGIS_SUPPRESSED_PAYLOAD& suppressed, Lines& lines) {
    append(lines, " SUPPRESSED ");
    append_number(lines, suppressed.Count);
    append(lines, " events of type ");
    append_number(lines, suppressed.Type);
    append(lines, suppressed.Reason == AEGIS_SUPPRESSED_MERGED ? " (merged, " : " (limited, ");
    time_.append_clock(lines, suppressed.FirstTime);
    append(lines, "..");
    time_.append_clock(lines, suppressed.LastTime);
    append(lines, ")");
    if (suppressed.LikeProcessId != 0) {
        append(lines, " like pid=");
        append_number(lines, suppressed.LikeProcessId);
    }
}

void TextFormatter::append_thread(const Event& event, Lines& lines) {
    const bool start = event.header.Type == AEGIS_EVENT_THREAD_CREATE;
    append(lines, start ? " THREAD-START pid=" : " THREAD-EXIT pid=");
    append_number(lines, event.process_id);
    append(lines, " tid=");
    append_number(lines, event.thread.ThreadId);
    if (start) {
        append_creator(event.thread, lines);
    } else if ((event.thread.Flags & AEGIS_THREAD_EXIT_STATUS_VALID) != 0) {
        fmt::format_to(std::back_inserter(lines), FMT_COMPILE(" status=0x{:08x}"),
                       static_cast<std::uint32_t>(event.thread.ExitStatus));
    }
    if (processes_->look_up({event.process_id, event.thread.ProcessKey}, event.header.Timestamp, known_, kMarks)) {
        append_known_name(lines);
    }
    append_thread_marks(event.thread.Flags, lines);
}

void TextFormatter::append_image(const Event& event, Lines& lines) {
    append(lines, " IMAGE-LOAD pid=");
    append_number(lines, event.process_id);
    if (event.image.loader_process_id != event.process_id) {
        append(lines, " loader=");
        append_number(lines, event.image.loader_process_id);
    }
    fmt::format_to(std::back_inserter(lines), FMT_COMPILE(" base=0x{:x} size={}"), event.image.base, event.image.size);
    const bool invalid = append_path(event, lines);
    append_path_marks(event, invalid, lines);
    append_image_marks(event.image, lines);
}

void TextFormatter::append_registry(const Event& event, Lines& lines) {
    append(lines, registry_word(event.registry));
    append(lines, " pid=");
    append_number(lines, event.process_id);
    if (processes_->look_up({event.process_id, event.registry.ProcessKey}, event.header.Timestamp, known_, kMarks)) {
        append_known_name(lines);
    }
    append_registry_text(event.registry, lines);
}

void TextFormatter::append_event(const Event& event, std::uint64_t sequence, Lines& lines) {
    append_time(event.header.Timestamp, lines);
    append(lines, "#");
    append_number(lines, sequence);
    switch (event.header.Type) {
        case AEGIS_EVENT_PROCESS_CREATE:
            append_create(event, lines);
            break;
        case AEGIS_EVENT_PROCESS_EXIT:
            append_exit(event, lines);
            break;
        case AEGIS_EVENT_SUPPRESSED:
            append_suppressed(event.suppressed, lines);
            break;
        case AEGIS_EVENT_THREAD_CREATE:
        case AEGIS_EVENT_THREAD_EXIT:
            append_thread(event, lines);
            break;
        case AEGIS_EVENT_IMAGE_LOAD:
            append_image(event, lines);
            break;
        case AEGIS_EVENT_HANDLE_OP:
            append_handle_text(event.handle, event.header.Timestamp, *processes_, known_, lines);
            break;
        case AEGIS_EVENT_REGISTRY_OP:
            append_registry(event, lines);
            break;
        default:
            append(lines, " type=");
            append_number(lines, event.header.Type);
            append(lines, " (");
            append_number(lines, event.header.Size);
            append(lines, " bytes)");
            break;
    }
    append(lines, "\n");
}

void TextFormatter::append_loss(const LostEvents& lost, std::int64_t filetime, Lines& lines) {
    processes_->forget_all();
    append_time(filetime, lines);
    append(lines, "LOST ");
    append_number(lines, lost.count);
    append(lines, " events (");
    if (lost.reason == LossReason::kOverwritten) {
        append(lines, "#");
        append_number(lines, lost.first);
        append(lines, "..#");
        append_number(lines, lost.last);
    } else {
        append(lines, name_of(lost.reason));
    }
    append(lines, ")\n");
}

}  // namespace aegis::agent
