#include "agent/text_formatter.hpp"

#include "agent/utf16.hpp"

namespace aegis::agent {

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
    append(lines, " ");

    path_.clear();
    const bool invalid = append_utf8(event.path(), path_);
    if (path_.size() == 0) {
        append(lines, "<unknown>");
    } else {
        append_printable({path_.data(), path_.size()}, lines);
    }
    if (!event.path_exact) {
        append(lines, " [partial-name]");
    }
    if (invalid) {
        append(lines, " [invalid-utf16]");
    }
    if (event.creating_process_id != event.parent_process_id) {
        append(lines, " [creator!=parent]");
    }
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
            append(lines, " EXIT pid=");
            append_number(lines, event.process_id);
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
    append_time(filetime, lines);
    append(lines, "LOST ");
    append_number(lines, lost.count());
    append(lines, " events (#");
    append_number(lines, lost.first);
    append(lines, "..#");
    append_number(lines, lost.last);
    append(lines, ")\n");
}

}  // namespace aegis::agent
