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

#include "agent/client/patience.hpp"
#include "agent/config/exit_code.hpp"
#include "agent/port/dos_paths.hpp"

namespace aegis::agent {

class Log;

// None: wait for ever.
using Timeout = std::optional<std::chrono::nanoseconds>;

// Why something could not be done: one sentence that names operation, object, code and remedy.
struct Failure {
    ExitCode exit_code = ExitCode::kRuntimeFailure;
    std::string message;
};

// Which driver to read from.
struct DeviceChoice {
    std::string path;                                  // empty: the platform's default
    std::string source;                                // for an embedded host; empty: its default
    std::uint32_t ring_kib = 0;                        // for an embedded host; 0: its default
    std::optional<std::uint64_t> seed = std::nullopt;  // for an embedded host's synthetic source
};

enum class IoStatus : std::uint8_t {
    kOk,
    kDriverGone,
    kOtherRevision,  // the driver refuses the request's version
    kUnsupported,    // the driver does not know the request
    kNoAnswer,       // not within the limit; the driver may still do what was asked
    kInterrupted,    // as kNoAnswer, but the program was asked to end meanwhile
    kFailed,         // anything else: the code tells
};

struct IoResult {
    IoStatus status = IoStatus::kOk;
    std::size_t bytes = 0;   // of the reply that mean something
    std::uint32_t code = 0;  // the platform's own number, for Device::describe
};

enum class WaitStatus : std::uint8_t {
    kSignalled,  // the driver rang; spurious rings are possible
    kTimeout,
    kInterrupted,  // Port::interrupt, or a signal that ends the program
    kDriverGone,
};

// An open handle to AegisMon, and the event the driver rings. What the driver maps for this handle stays readable
// until close(), also when the driver has gone.
class Device {
  public:
    virtual ~Device() = default;

    // One IOCTL, given up after `limit`, and kGraceAtTheEnd after Port::interrupt or a signal that ends the program. Of
    // an AEGIS_IOCTL_GET_EVENTS that was given up no event is lost: the next one, with a buffer of the same size,
    // brings them. Any thread; AEGIS_IOCTL_GET_EVENTS one at a time.
    virtual IoResult control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                             std::chrono::nanoseconds limit) = 0;

    // The event's handle, for AEGIS_RING_SETUP_REQUEST.EventHandle.
    virtual std::uint64_t event_handle() const = 0;

    // Blocks until the first of the four. One thread at a time.
    virtual WaitStatus wait(Timeout timeout) = 0;

    // Somebody stops the driver: it unloads when every handle to it is closed, and this program holds one. Every wait
    // is interrupted then, as by Port::interrupt. True also when the driver has gone already. Any thread.
    virtual bool driver_is_stopping() const = 0;

    // "name or text (number)" of an IoResult's code.
    virtual std::string describe(std::uint32_t code) const = 0;

    // Closes the handle; ends a host that was started for it. No other call may run or follow. A failure tells that
    // such a host ended in another way than asked.
    virtual std::optional<Failure> close() = 0;
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

class Port {
  public:
    virtual ~Port() = default;

    // Opens the device; says on `log` what it does that takes time or that the user should know.
    virtual std::optional<Failure> open_device(const DeviceChoice& choice, const Patience& patience, Log& log,
                                               std::unique_ptr<Device>& device) = 0;

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

    // As the driver numbers this process.
    virtual std::uint32_t process_id() const = 0;

    // UTF-8.
    virtual std::string host_name() const = 0;

    // How to turn the driver's paths into those a user knows; null where they are the same.
    virtual std::unique_ptr<DosPaths> dos_paths() const = 0;
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
