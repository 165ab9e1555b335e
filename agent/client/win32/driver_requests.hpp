// Requests to a device, each with an end: overlapped, and cancelled when the time is up.
#pragma once

#include <windows.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "agent/client/win32/interrupts.hpp"
#include "agent/client/win32/unique_handle.hpp"

namespace aegis::client {

struct DriverReply {
    DWORD error = ERROR_SUCCESS;
    DWORD bytes = 0;  // of the reply that mean something
};

// Any thread.
class DriverRequests {
  public:
    // What control says of a request that was given up.
    static constexpr DWORD kNoAnswer = ERROR_TIMEOUT;
    static constexpr DWORD kInterrupted = ERROR_OPERATION_ABORTED;

    // `device` was opened with FILE_FLAG_OVERLAPPED. A request is given up `grace` after the first of `interrupts` was
    // signalled, at the latest. All handles outlive this.
    DriverRequests(HANDLE device, Interrupts interrupts, std::chrono::nanoseconds grace);
    ~DriverRequests();
    DriverRequests(const DriverRequests&) = delete;
    DriverRequests& operator=(const DriverRequests&) = delete;

    // A driver may finish a request although it was cancelled: then its reply counts. With `resume`, one that could not
    // even be cancelled is waited for again by the next call of that kind, so that nothing it brings is lost; one at a
    // time, with the same code and size of reply.
    DriverReply control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                        std::chrono::nanoseconds limit, bool resume);

    // The interrupts were taken back: the next ones have a grace of their own.
    void renew_grace() { grace_used_.store(false, std::memory_order_relaxed); }

  private:
    struct Request;

    // kNoAnswer and kInterrupted: it is under way no more, or `stuck` is set.
    DWORD wait_for(Request& request, std::chrono::nanoseconds limit, bool& stuck);
    std::unique_ptr<Request> start_or_resume(std::uint32_t code, std::span<const std::byte> request,
                                             std::size_t reply_bytes, bool resume, DWORD& error);

    const HANDLE device_;
    const Interrupts interrupts_;
    const std::chrono::nanoseconds grace_;
    // The grace was used up once: no other request waits for it again. Relaxed, it orders nothing.
    std::atomic<bool> grace_used_{false};
    std::mutex mutex_;                             // guards what follows
    std::unique_ptr<Request> to_resume_;           // null: none
    std::vector<std::unique_ptr<Request>> stuck_;  // nobody waits for them; the system may still write to them
};

}  // namespace aegis::client
