// The line format of Part 2, for people.
//
//   [12:34:56.789] #17 CREATE pid=812 ppid=640 creator=640 \Device\HarddiskVolume3\Windows\System32\cmd.exe
//   [12:34:56.912] #18 EXIT pid=812 cmd.exe
//   [12:34:57.001] LOST 3 events (#19..#21)
//   [12:34:57.002] #22 type=5 (96 bytes)
//   [12:34:57.003] #23 THREAD-START pid=812 tid=816 creator=640:644 start=0x7ff6a0001000 cmd.exe [first]
//   [12:34:57.004] #24 THREAD-EXIT pid=812 tid=816 status=0x00000000 cmd.exe
//   [12:34:57.005] #25 REGISTRY-SET-VALUE pid=812 cmd.exe \REGISTRY\MACHINE\SOFTWARE\x value "Start" REG_DWORD 3
//   [12:34:57.006] #26 REGISTRY-RENAME-KEY pid=812 cmd.exe \REGISTRY\MACHINE\SOFTWARE\x to "y"
//
// Times are UTC, or local with their distance from UTC: [14:34:56.789+02:00].
// After the path: [partial-name] when Windows does not vouch for it, [path cut: N units] when it was longer than an
// event holds (N is how long; three full stops stand for its middle), [invalid-utf16] when it held unpaired surrogates,
// [creator!=parent] when they differ; of a start also [user: NAME], [details lost] when what is told of it beside got
// lost, all or in part, and at the end [command: LINE], with [command cut: N units] where it was longer than events
// hold. An exit has the status that the process ended with, where it is known: status=0, status=0xc0000005. An exit has
// the program's name when its start was seen, and the marks of its path; a thread has the name of its process's
// program. The creator of a thread is a process and a thread of it; what is not known of a thread is left out. [first]:
// the first thread of its process; [remote]: put there by another process; [system]: it runs in the kernel only. A
// change of the registry has the program's name before the key; data that are no text and no number are the first bytes
// in hexadecimal; [key cut: N units], [name cut: N units], [data cut: N bytes]: as with a path; [refused]: the driver
// kept it from happening; [failed: STATUS].
#pragma once

#include <memory>
#include <utility>

#include "agent/events/process_details.hpp"
#include "agent/events/process_table.hpp"
#include "agent/format/formatter.hpp"
#include "agent/format/timestamp.hpp"
#include "agent/port/user_names.hpp"

namespace aegis::agent {

class TextFormatter final : public Formatter {
  public:
    // `processes` outlives the formatter and may be shared. With `utc_offset` times are local, without it UTC. Without
    // `users` nobody is named.
    explicit TextFormatter(ProcessTable& processes, UtcOffset utc_offset = nullptr,
                           std::unique_ptr<UserNames> users = nullptr)
        : time_(std::move(utc_offset)), processes_(&processes), users_(std::move(users)) {}

    void append_event(const Event& event, std::uint64_t sequence, Lines& lines) override;
    void append_loss(const LostEvents& lost, std::int64_t filetime, Lines& lines) override;

  private:
    void append_time(std::int64_t filetime, Lines& lines);
    void append_create(const Event& event, Lines& lines);
    void append_user(const ProcessDetails& details, Lines& lines);
    void append_command_line(const ProcessDetails& details, Lines& lines);
    // Of the process that was looked up last.
    void append_known_name(Lines& lines);
    void append_exit(const Event& event, Lines& lines);
    void append_suppressed(const AEGIS_SUPPRESSED_PAYLOAD& suppressed, Lines& lines);
    void append_thread(const Event& event, Lines& lines);
    void append_image(const Event& event, Lines& lines);
    void append_registry(const Event& event, Lines& lines);
    // The event's path, or what stands for one. True: it is no valid text.
    bool append_path(const Event& event, Lines& lines);

    TimestampFormatter time_;
    ProcessTable* processes_;
    std::unique_ptr<UserNames> users_;
    // Reused, so that no event allocates.
    Lines path_;
    Lines name_;
    KnownProcess known_;
};

}  // namespace aegis::agent
