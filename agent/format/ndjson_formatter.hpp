// One JSON object a line, in the Elastic Common Schema.
//
// Numbers are numbers (process ids, event.sequence, counts); event.id and aegis.filetime are strings, because a
// reader that keeps numbers as doubles would round them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "agent/events/process_details.hpp"
#include "agent/events/process_table.hpp"
#include "agent/format/formatter.hpp"
#include "agent/format/process_fields.hpp"
#include "agent/format/timestamp.hpp"
#include "agent/port/dos_paths.hpp"
#include "agent/port/user_names.hpp"

namespace aegis::agent {

using SessionId = std::array<std::uint8_t, 16>;

std::string hexadecimal(const SessionId& session);

// Most of a line never changes: it is rendered once, and a line is put together from the pieces.
class NdjsonFormatter final : public Formatter {
  public:
    // `host_name` is UTF-8. `processes` outlives the formatter and may be shared. `dos_paths` is null where the
    // driver's paths are the system's own, `users` where nobody is to be named.
    NdjsonFormatter(const SessionId& session, std::string_view host_name, ProcessTable& processes,
                    std::unique_ptr<DosPaths> dos_paths, std::unique_ptr<UserNames> users = nullptr);

    void append_event(const Event& event, std::uint64_t sequence, Lines& lines) override;
    void append_loss(const LostEvents& lost, std::int64_t filetime, Lines& lines) override;

  private:
    void append_head(std::string_view event_fields, std::int64_t filetime, Lines& lines);
    void append_identity(std::uint64_t sequence, Lines& lines);
    void append_filetime(const Event& event, Lines& lines);
    void append_create(const Event& event, std::uint64_t sequence, Lines& lines);
    void append_parent(const Event& event, Lines& lines);
    void append_command_line(const ProcessDetails& details, Lines& lines);
    void append_user(std::span<const std::byte> sid, Lines& lines);
    // The event's path, behind `path_member`, and its last component as `name`; nothing where there is none. Returns
    // where the path ends.
    std::size_t append_file(const Event& event, std::string_view path_member, Lines& lines);
    void append_path_fields(const Event& event, Lines& lines);
    void append_sensor_fields(const Event& event, Lines& lines);
    void append_token_fields(const ProcessDetails& details, Lines& lines);
    void append_start_time(std::int64_t creation, Lines& lines);
    void append_exit(const Event& event, std::uint64_t sequence, Lines& lines);
    void append_suppressed(const Event& event, std::uint64_t sequence, Lines& lines);
    void append_thread(const Event& event, std::uint64_t sequence, Lines& lines);
    void append_image(const Event& event, std::uint64_t sequence, Lines& lines);
    void append_handle(const Event& event, std::uint64_t sequence, Lines& lines);
    void append_registry(const Event& event, std::uint64_t sequence, Lines& lines);
    void append_unknown(const Event& event, std::uint64_t sequence, Lines& lines);

    TimestampFormatter time_;
    TimestampFormatter start_time_;  // of processes: seldom in the same second as their events
    std::string session_;
    std::string constants_;  // the end of the event object, ecs, host and agent
    ProcessTable* processes_;
    ProcessFields process_;
    std::unique_ptr<DosPaths> dos_paths_;
    std::unique_ptr<UserNames> users_;
    // Of the event being formatted; members, so that no event allocates.
    Lines path_;
    std::string dos_path_;
    bool path_invalid_ = false;
    Lines command_line_;
    bool command_line_invalid_ = false;
    Lines argument_;
    KnownProcess known_;
};

}  // namespace aegis::agent
