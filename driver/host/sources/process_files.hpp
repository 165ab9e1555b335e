// What /proc says about one process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace aegis::host::sources {

// The image of a process as the kernel names it: bytes, not necessarily UTF-8.
struct ImageBytes {
    std::string path;
    bool exact = false;   // the program's path; otherwise the short command name, or a guess, or nothing
    bool denied = false;  // not exact for want of permission (CAP_SYS_PTRACE)
};

// The same as NT sees it. Each malformed UTF-8 sequence becomes one U+FFFD, and then it is not exact; nor is one of
// more than 32,767 UTF-16 units, which loses its middle.
struct Image {
    std::u16string path;
    bool exact = false;
};

// Shared by a process and those that it forked and that run the same image.
using ImagePointer = std::shared_ptr<const Image>;

// What a link of /proc to an open file names, however long; none, with errno, when it cannot be read. A file deleted
// since is reported by the name it was opened by.
std::optional<std::string> read_file_link(const char* link);

// Reads /proc/PID/exe. When the link is gone or not permitted: /proc/PID/comm, not exact. When the
// process is gone altogether: empty.
ImageBytes read_image(std::uint32_t pid);

ImagePointer to_nt_image(const ImageBytes& bytes);

struct ProcessStat {
    char state = '?';  // of the leader, as proc(5) names it
    std::uint32_t parent = 0;
    std::uint32_t session = 0;
    std::uint32_t flags = 0;       // PF_… of the kernel
    std::int64_t threads = 0;      // those that the kernel has not released, a dead leader included
    std::uint64_t start_time = 0;  // clock ticks since boot

    // The leader has; other threads may go on.
    bool has_ended() const { return state == 'Z' || state == 'X' || state == 'x'; }
    // On its way out: no call of its own will follow.
    bool is_exiting() const { return (flags & 0x00000004) != 0 || has_ended(); }
    bool is_kernel_thread() const { return (flags & 0x00200000) != 0; }
};

// /proc/PID/stat; none when the process is gone.
std::optional<ProcessStat> read_stat(std::uint32_t pid);

// /proc/PID/cmdline, as far as `most_bytes`; none when there are none, or they cannot be read.
std::optional<std::string> read_arguments(std::uint32_t pid, std::size_t most_bytes);

// The effective user id, of /proc/PID/status.
std::optional<std::uint32_t> read_uid(std::uint32_t pid);

// Whether any thread of the process has not ended yet.
bool any_thread_alive(std::uint32_t pid);

// Whether no thread of the process can make another system call of its own accord, or it is gone. The
// kernel closes a dying process's descriptors only after this has become true.
bool every_thread_exiting(std::uint32_t pid);

// Every process that exists now, in no order. `inode` is /proc's own number for the directory; while
// it stays the same, so does the process behind the pid. False: /proc could not be read.
bool for_each_process(const std::function<void(std::uint32_t pid, std::uint64_t inode)>& visit);

}  // namespace aegis::host::sources
