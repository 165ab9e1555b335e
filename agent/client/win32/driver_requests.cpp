#include "agent/client/win32/driver_requests.hpp"

#include <algorithm>
#include <utility>

#include "agent/client/win32/wait_time.hpp"

namespace aegis::client {
namespace {

// For a driver that completes a request because it was cancelled.
constexpr std::chrono::seconds kTimeToCancel{1};

bool is_set(HANDLE event, std::chrono::nanoseconds limit) {
    return WaitForSingleObject(event, wait_milliseconds(limit)) == WAIT_OBJECT_0;
}

}  // namespace

// The system writes here until the request has ended, whoever waits for it.
struct DriverRequests::Request {
    OVERLAPPED overlapped = {};
    UniqueHandle done{CreateEventW(nullptr, TRUE, FALSE, nullptr)};
    std::vector<std::byte> input;
    std::vector<std::byte> output;
};

DriverRequests::DriverRequests(HANDLE device, Interrupts interrupts, std::chrono::nanoseconds grace)
    : device_(device), interrupts_(interrupts), grace_(grace) {}

DriverRequests::~DriverRequests() {
    if (to_resume_) {
        stuck_.push_back(std::move(to_resume_));
    }
    for (std::unique_ptr<Request>& request : stuck_) {
        // Memory that the system may still write to is never freed.
        if (!is_set(request->done.get(), std::chrono::nanoseconds(0))) {
            static_cast<void>(request.release());
        }
    }
}

std::unique_ptr<DriverRequests::Request> DriverRequests::start_or_resume(std::uint32_t code,
                                                                         std::span<const std::byte> request,
                                                                         std::size_t reply_bytes, bool resume,
                                                                         DWORD& error) {
    error = ERROR_IO_PENDING;
    if (resume) {
        const std::scoped_lock lock(mutex_);
        if (to_resume_) {
            return std::move(to_resume_);
        }
    }
    auto fresh = std::make_unique<Request>();
    if (!fresh->done) {
        error = GetLastError();
        return fresh;
    }
    fresh->overlapped.hEvent = fresh->done.get();
    fresh->input.assign(request.begin(), request.end());
    fresh->output.resize(reply_bytes);
    const BOOL done =
        DeviceIoControl(device_, code, fresh->input.data(), static_cast<DWORD>(fresh->input.size()),
                        fresh->output.data(), static_cast<DWORD>(fresh->output.size()), nullptr, &fresh->overlapped);
    error = done ? ERROR_SUCCESS : GetLastError();
    return fresh;
}

DWORD DriverRequests::wait_for(Request& request, std::chrono::nanoseconds limit, bool& stuck) {
    // An answer counts, however late.
    DWORD given_up = kNoAnswer;
    switch (interrupts_.wait(request.done.get(), limit)) {
        case WAIT_OBJECT_0:
            return ERROR_SUCCESS;
        case WAIT_OBJECT_0 + 1: {
            const bool grace_used = grace_used_.load(std::memory_order_relaxed);
            const std::chrono::nanoseconds grace = grace_used ? std::chrono::nanoseconds(0) : std::min(grace_, limit);
            if (is_set(request.done.get(), grace)) {
                return ERROR_SUCCESS;
            }
            grace_used_.store(true, std::memory_order_relaxed);
            given_up = kInterrupted;
            break;
        }
        default:
            break;
    }
    CancelIoEx(device_, &request.overlapped);
    stuck = !is_set(request.done.get(), kTimeToCancel);
    return given_up;
}

DriverReply DriverRequests::control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                                    std::chrono::nanoseconds limit, bool resume) {
    DWORD error = ERROR_SUCCESS;
    std::unique_ptr<Request> sent = start_or_resume(code, request, reply.size(), resume, error);
    if (error == ERROR_IO_PENDING) {
        bool stuck = false;
        const DWORD given_up = wait_for(*sent, limit, stuck);
        if (stuck) {
            const std::scoped_lock lock(mutex_);
            if (resume) {
                to_resume_ = std::move(sent);
            } else {
                stuck_.push_back(std::move(sent));
            }
            return {given_up, 0};
        }
        error = given_up;
    }
    if (error != ERROR_SUCCESS && error != kNoAnswer && error != kInterrupted) {
        return {error, 0};
    }
    DWORD bytes = 0;
    if (!GetOverlappedResult(device_, &sent->overlapped, &bytes, FALSE)) {
        const DWORD failure = GetLastError();
        return {failure == ERROR_OPERATION_ABORTED && error != ERROR_SUCCESS ? error : failure, 0};
    }
    std::copy_n(sent->output.begin(), std::min<std::size_t>(bytes, reply.size()), reply.begin());
    return {ERROR_SUCCESS, bytes};
}

}  // namespace aegis::client
