// An open handle of the driver, as each system gives one: what the rest of the library asks of an operating system.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "agent/client/error.hpp"

namespace aegis::client {

// None: wait for ever.
using Timeout = std::optional<std::chrono::nanoseconds>;

// After an interrupt, how long a driver may still take to answer what was or is asked.
inline constexpr std::chrono::seconds kGraceAtTheEnd{2};

enum class IoStatus : std::uint8_t {
    kOk,
    kDriverGone,
    kOtherRevision,  // the driver refuses the request's version
    kUnsupported,    // the driver does not know the request
    kNoAnswer,       // not within the limit; the driver may still do what was asked
    kInterrupted,    // as kNoAnswer, but the device was interrupted meanwhile
    kFailed,         // anything else: the code tells
};

struct IoResult {
    IoStatus status = IoStatus::kOk;
    std::size_t bytes = 0;   // of the reply that mean something
    std::uint32_t code = 0;  // the platform's own number, for Device::describe
};

// When several hold, the first of them. Signalled: the driver rang; spurious rings are possible.
enum class WaitStatus : std::uint8_t { kInterrupted, kStopping, kDriverGone, kSignalled, kTimeout };

// AegisMon, and the event it rings. What the driver maps for this handle stays readable until the destructor, also when
// the driver has gone. The destructor closes the handle; no other call may run then.
class Device {
  public:
    virtual ~Device() = default;

    // One IOCTL, given up after `limit`, and kGraceAtTheEnd after an interrupt or when the driver is stopped. Of an
    // AEGIS_IOCTL_GET_EVENTS that was given up no event is lost: the next one, with a buffer of the same size, brings
    // them. Any thread; AEGIS_IOCTL_GET_EVENTS one at a time.
    virtual IoResult control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                             std::chrono::nanoseconds limit) = 0;

    // The event's handle, for AEGIS_RING_SETUP_REQUEST.EventHandle.
    virtual std::uint64_t event_handle() const = 0;

    // Blocks until the first of the five. One thread at a time.
    virtual WaitStatus wait(Timeout timeout) = 0;

    // What wait would say at once, signals left out and left alone: kTimeout when there is nothing. Any thread.
    virtual WaitStatus look() = 0;

    // Ends waits, now and until resume. Any thread; interrupt() also in a signal handler.
    virtual void interrupt() = 0;
    virtual void resume() = 0;

    // Somebody stops the driver: it unloads when every handle to it is closed, and this is one. True also when the
    // driver has gone already. Any thread.
    virtual bool driver_is_stopping() const = 0;

    // What is set from then on: a descriptor or an event's HANDLE.
    virtual std::uint64_t stop_signal() const = 0;

    // Why nobody will notice that the driver is stopped; empty: somebody will.
    virtual std::string not_watched() const { return {}; }

    // "name or text (number)" of an IoResult's code.
    virtual std::string describe(std::uint32_t code) const = 0;

    // As the driver numbers this process.
    virtual std::uint32_t process_id() const = 0;
};

// How long opening may take: each request, and all of them together where there is an end to it.
class OpenLimit {
  public:
    using Clock = std::chrono::steady_clock;

    explicit OpenLimit(std::chrono::nanoseconds request, std::optional<Clock::time_point> end = std::nullopt)
        : request_(request), end_(end) {}

    // For a request that is made now.
    std::chrono::nanoseconds for_request() const {
        return end_ ? std::clamp<std::chrono::nanoseconds>(*end_ - Clock::now(), std::chrono::nanoseconds(0), request_)
                    : request_;
    }

  private:
    std::chrono::nanoseconds request_;
    std::optional<Clock::time_point> end_;
};

struct DeviceChoice {
    std::string path;                        // empty: the platform's default
    std::optional<std::uint64_t> interrupt;  // as aegis_options.interrupt
};

// This platform's.
std::optional<Error> open_device(const DeviceChoice& choice, const OpenLimit& limit, std::unique_ptr<Device>& device);

}  // namespace aegis::client
