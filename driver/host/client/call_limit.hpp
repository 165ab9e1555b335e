// How long a call to the host may take, and how it can be ended before.
#pragma once

#include <chrono>

#include "driver/host/client/status.hpp"

namespace aegis::host::client {

inline constexpr std::chrono::nanoseconds kForever = std::chrono::nanoseconds::max();

struct CallLimit {
    // From the beginning of the call, waiting for other calls on the same Connection included. A host that runs answers
    // within milliseconds. kForever: none.
    std::chrono::nanoseconds timeout = std::chrono::seconds(30);
    // Once this descriptor is readable, the call has at most `after_interrupt` left. It is not read. -1: none.
    int interrupt_fd = -1;
    std::chrono::nanoseconds after_interrupt{0};
    // Of a device_io_control: what it answers after it was given up is kept for resume_io_control. One at a time on a
    // connection.
    bool resumable = false;
};

// A limit that has begun to run.
class CallDeadline {
  public:
    using Clock = std::chrono::steady_clock;

    explicit CallDeadline(const CallLimit& limit);

    // Waits until `fd` is ready for `events` or has an error.
    //   kStatusIoTimeout   the time is up
    //   kStatusCancelled   the time that an interrupt left is up
    NtStatus wait(int fd, short events);

    // Waits for what no descriptor tells: for `time`, if there is so much left. Statuses as above.
    NtStatus pause(std::chrono::nanoseconds time);

    // max() where there is no end.
    Clock::time_point end() const { return end_; }

  private:
    NtStatus wait_until(int fd, short events, Clock::time_point time, bool& ready);

    Clock::time_point end_;
    int interrupt_fd_;  // -1 once it was seen readable
    std::chrono::nanoseconds after_interrupt_;
    bool interrupted_ = false;
};

}  // namespace aegis::host::client
