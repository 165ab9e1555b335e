// The kernel's own record of the programs that were started (fanotify, FAN_OPEN_EXEC).
//
// /proc/PID/exe is gone with its process, and after a second exec it names the second program; a busy
// machine can delay any reader past either. What was opened for execution stays in the kernel's queue
// until it is read here, so that each start keeps its own path however late that is. Not for concurrent use.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "driver/host/sources/process_files.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host::sources {

class ExecRecorder {
  public:
    // From now on records what is opened for execution on the filesystems mounted at this moment. Returns
    // why not (needs CAP_SYS_ADMIN); then nothing is ever recorded.
    std::optional<std::string> start();

    // Takes in what the kernel has recorded so far. Whatever belongs to an exec that the connector has
    // reported is among it: the kernel opens a program before it reports its exec.
    void receive();

    // `pid` has done an exec, and `seen` is what /proc says of it by now: the image of that exec. Accounts
    // for one exec; so it is to be called for each, in order, after receive(). Without a record: `seen`.
    ImageBytes image_of_exec(std::uint32_t pid, ImageBytes seen);

    // `pid` has ended.
    void forget(std::uint32_t pid);

  private:
    struct FileId {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        bool operator==(const FileId&) const = default;
    };
    // Of execs that are not accounted for yet.
    struct Record {
        std::deque<std::string> programs;
        std::optional<FileId> linker;  // the first; others may have been merged into it
        bool awaits_linker = false;    // the last program names one, which the kernel opens next
    };

    void note(std::uint32_t pid, int file);

    UniqueFd queue_;
    std::unordered_map<std::uint32_t, Record> records_;
};

}  // namespace aegis::host::sources
