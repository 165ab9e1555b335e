// The kernel's own record of threads and images: perf events without a counter ("dummy"), one for each processor, whose
// buffers get a record of every fork and exit there, and, when that is asked for, of every exec and of everything that
// is mapped to be run; and of the system calls by which one process gets at another, from tracepoints that write to the
// same buffers.
//
// Unlike the process connector these say which thread made another one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "driver/host/sources/activity_source.hpp"
#include "driver/host/sources/handle_calls.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host::sources {

// kSysctl comes from elsewhere (sysctl_writes.hpp), and is put in between the others.
enum class PerfKind : std::uint8_t { kFork, kExit, kExec, kImage, kHandle, kLost, kSysctl };

struct PerfRecord {
    PerfKind kind = PerfKind::kFork;
    std::uint32_t pid = 0;
    std::uint32_t tid = 0;         // image: that mapped it; handle: that calls
    std::uint32_t parent_pid = 0;  // fork: of the thread that called
    std::uint32_t parent_tid = 0;
    std::uint64_t lost = 0;      // lost: so many records, before this one
    std::int64_t monotonic = 0;  // CLOCK_MONOTONIC, nanoseconds
    std::string path;            // image: as the kernel names it; empty: it does not say. sysctl: kernel/hostname
    std::uint64_t base = 0;      // image: where it is mapped
    std::uint64_t bytes = 0;     // image: how much of it
    HandleAccess handle;         // handle: what is asked for, and of whom: process_id is known
    std::string value;           // sysctl: what is written
    bool value_cut = false;      // and it is longer
};

enum class PerfRecords : std::uint8_t { kThreads, kThreadsAndImages };

// One processor's buffer, mapped.
class PerfRing {
  public:
    PerfRing(UniqueFd event, void* mapping, std::size_t bytes);
    ~PerfRing();
    PerfRing(PerfRing&& other) noexcept;
    PerfRing& operator=(PerfRing&&) = delete;

    int descriptor() const { return event_.get(); }
    // Appends what is there. Whether there was anything.
    bool read(std::vector<PerfRecord>& records);

  private:
    UniqueFd event_;
    std::byte* mapping_;
    std::size_t bytes_;
    std::vector<std::byte> joined_;  // a record that goes round the buffer's end
};

// One thread at a time.
class PerfRings {
  public:
    // Opens the event of every processor that is on. On error nothing is open, and the message names what it takes.
    std::optional<SourceError> open(PerfRecords wanted);

    // Asks for the system calls as well. Behind open(). On error there are none of them, and the rest goes on.
    std::optional<SourceError> add_handle_calls();

    // Readable when a buffer has something.
    int descriptor() const { return ready_.get(); }

    // Replaces `records` by everything that has been recorded, by time. Complete backwards: what had to happen before
    // any of it, on whatever processor, is among it or was taken before.
    void take(std::vector<PerfRecord>& records);

  private:
    std::optional<SourceError> open_processor(int cpu, PerfRecords wanted);

    std::vector<PerfRing> rings_;
    std::vector<int> processors_;        // of each ring
    std::vector<UniqueFd> tracepoints_;  // that write to them; each goes before its ring
    UniqueFd ready_;
};

}  // namespace aegis::host::sources
