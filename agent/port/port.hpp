// Everything the agent asks of the operating system. One implementation for Linux, where the driver runs in
// aegismon-host, one for Windows; the rest of the agent is the same code on both.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "aegis/client.h"
#include "agent/config/exit_code.hpp"
#include "agent/port/dos_paths.hpp"
#include "agent/port/failure.hpp"
#include "agent/port/patience.hpp"
#include "agent/port/user_names.hpp"

namespace aegis::agent {

class Log;

// None: wait for ever.
using Timeout = std::optional<std::chrono::nanoseconds>;

// Which driver to read from.
struct DeviceChoice {
    std::string path;                                  // empty: the platform's default
    std::string source;                                // for an embedded host; empty: its default
    std::uint32_t ring_kib = 0;                        // for an embedded host; 0: its default
    std::optional<std::uint64_t> seed = std::nullopt;  // for an embedded host's synthetic source
};

enum class WriteStatus : std::uint8_t {
    kWritten,
    kClosed,     // nobody reads the other end any more
    kAbandoned,  // abandon_output was called while the reader took nothing
    kFailed,
};

struct WriteResult {
    WriteStatus status = WriteStatus::kWritten;
    std::size_t bytes = 0;  // with kWritten: how many, at least one
    std::string error;      // with kFailed: text and number
};

enum class InterruptStatus : std::uint8_t {
    kTimeout,
    kInterrupted,
    kOutputClosed,  // nobody reads stdout any more; only where the system tells without a write
};

struct CloseClient {
    void operator()(aegis_client* client) const { aegis_close(client); }
};
using Client = std::unique_ptr<aegis_client, CloseClient>;

class Port {
  public:
    virtual ~Port() = default;

    // Opens the driver that `choice` names, as `options` has it; fills in the device and what interrupts. Says on `log`
    // what it does that takes time or that the user should know. Ends a host that was started for it when it fails.
    virtual std::optional<Failure> open_driver(const DeviceChoice& choice, aegis_options options,
                                               const Patience& patience, Log& log, Client& client) = 0;

    // After the client was closed: ends a host that was started for it. A failure tells that it ended in another way
    // than asked.
    virtual std::optional<Failure> close_driver() = 0;

    // From now on wait_interrupt is interrupted as well once `signal`, as aegis_stop_signal gives one, is set.
    virtual void interrupt_by(std::uint64_t signal) = 0;

    // Writes the beginning of `text`, which is not empty, to stdout: as much as its reader takes. Waits until it takes
    // something. One thread at a time.
    virtual WriteResult write_output(std::string_view text) = 0;

    // Takes the last `bytes` that write_output wrote from stdout again; true when it did. Only from a file, and only
    // while nobody has written behind them. One thread at a time, never during write_output.
    virtual bool take_back_output(std::size_t bytes) = 0;

    // Makes a write_output that waits for its reader return, now and later. Any thread.
    virtual void abandon_output() = 0;

    // Makes every wait return kInterrupted, from now on. Any thread.
    virtual void interrupt() = 0;

    // Blocks until interrupt, a signal that ends the program, or the timeout. Any thread.
    virtual InterruptStatus wait_interrupt(Timeout timeout) = 0;

    // The user or the system asked the program to end (Ctrl-C, SIGTERM).
    virtual bool stop_requested() const = 0;

    // 100 ns since 1601, UTC, as precise as the system has it: the clock of the events' timestamps.
    virtual std::int64_t system_time() const = 0;

    // Seconds by which local time is ahead of UTC at the moment `filetime`; 0 where the system cannot tell. Any thread.
    virtual std::int32_t utc_offset(std::int64_t filetime) const = 0;

    // UTF-8.
    virtual std::string host_name() const = 0;

    // How to turn the driver's paths into those a user knows; null where they are the same.
    virtual std::unique_ptr<DosPaths> dos_paths() const = 0;

    // What the system calls the user of a SID. May ask other machines, and take as long as they do. Any thread.
    virtual UserName user_name(std::span<const std::byte> sid) const = 0;
};

// Takes over signals and stdout of the process. One at a time.
std::unique_ptr<Port> make_port();

// Writes a line, newline included, to stderr. Where the system can tell, one whose reader takes nothing for a while is
// given up, and the next that is taken says how many were. Any thread.
void write_diagnostic(std::string_view line);

// What the command line's help says of this platform.
struct PlatformFacts {
    std::string_view program;
    std::string_view device_help;
    std::string_view examples;
    std::size_t longest_device_path = 0;  // in bytes
    bool embedded_host = false;           // --source, --seed and --ring-kib make sense
};

const PlatformFacts& platform_facts();

}  // namespace aegis::agent
