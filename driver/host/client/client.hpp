// What ntdll is to a Windows program, for a Linux client of aegismon-host.
//
//   std::unique_ptr<Connection> host;
//   Handle device = 0;
//   Event event;
//   if (succeeded(Connection::connect(path, host)) &&
//       succeeded(host->open_file(AEGIS_LINK_NAME, kGenericRead | kGenericWrite, device)) &&
//       succeeded(host->create_event(EventKind::kAutoReset, event))) {
//       host->device_io_control(device, AEGIS_IOCTL_RING_SETUP, request, reply, returned);
//       …addresses in the reply are valid in this process from here on…
//       host->wait(event, kForever, stop_fd);
//   }
//
// The process is what the driver sees: handles and mappings belong to it, not to a Connection. A
// Connection is one thread of it inside the host: its calls run one after the other. A program that
// wants IOCTLs to run concurrently opens several Connections.
//
// Every call that asks the host has a limit (call_limit.hpp) and gives up at its end, because a host can be
// stopped or stuck. The host may still do later what was asked, and the connection goes on: the late reply is
// never taken for that of another call. A handle that comes with it is closed again, a mapping stays until
// the device's handle is closed, and what an IOCTL answers can be had by resume_io_control.
//
// Threads: every function may be called from any thread; the destructor only when no other call runs.
// Fork: a child cannot use the parent's Connection (kStatusInvalidDeviceState) and does not inherit the
// driver's mappings; it may connect on its own.
// No function throws or raises a signal; memory exhaustion ends the process.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "driver/host/client/call_limit.hpp"
#include "driver/host/client/protocol.hpp"
#include "driver/host/client/status.hpp"
#include "driver/host/client/turn.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host::client {

// An NT handle of this process; 0 is no handle.
using Handle = std::uint64_t;

// DesiredAccess of open_file, as NT numbers them.
inline constexpr std::uint32_t kGenericRead = 0x80000000U;
inline constexpr std::uint32_t kGenericWrite = 0x40000000U;

class MappingWindow;

enum class EventKind : std::uint32_t {
    kAutoReset,    // a successful wait resets it
    kManualReset,  // stays signalled until reset_event
};

// An event object: its NT handle, which goes into requests, and the descriptor that becomes readable
// while it is signalled. The destructor closes the descriptor only; Connection::close ends the handle.
class Event {
  public:
    Event() = default;

    Handle handle() const { return handle_; }
    // For callers with their own poll loop; owned by the Event. -1: no event.
    int descriptor() const { return descriptor_.get(); }
    EventKind kind() const { return kind_; }

  private:
    friend class Connection;
    Handle handle_ = 0;
    UniqueFd descriptor_;
    EventKind kind_ = EventKind::kAutoReset;
};

// Path of the socket when none is named: /run/aegismon/aegismon.sock for root, else
// $XDG_RUNTIME_DIR/aegismon.sock, else /tmp/aegismon-UID/aegismon.sock.
std::string default_socket_path();

class Connection {
  public:
    // Connects to the host that listens at `path` and makes this process known to it.
    //   kStatusObjectNameNotFound    nobody listens there
    //   kStatusObjectTypeMismatch    a socket of another kind
    //   kStatusAccessDenied          the socket refuses this user
    //   kStatusTooManySessions       the host serves as many connections as it will, in all or for this user
    //   kStatusRevisionMismatch      the host speaks another protocol version
    //   kStatusInsufficientResources no address space for the mapping window, or no descriptors
    //   kStatusDeviceRemoved         the host went away meanwhile
    //   kStatusUnexpectedNetworkError who listens there does not answer like a host
    // This one and every other that takes a limit:
    //   kStatusIoTimeout, kStatusCancelled   given up: no answer in time, or interrupted before
    static NtStatus connect(const std::string& path, std::unique_ptr<Connection>& connection,
                            const CallLimit& limit = {});

    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    // With the last Connection of the process its handles are closed and the driver's mappings vanish.
    ~Connection();

    // Opens a device by its NT path (UTF-8), for example AEGIS_LINK_NAME.
    //   kStatusAccessDenied          the device's security descriptor refuses this user
    //   kStatusObjectNameNotFound    no such device (the driver is not loaded)
    NtStatus open_file(std::string_view nt_path, std::uint32_t desired_access, Handle& handle,
                       const CallLimit& limit = {});

    // Sends one IOCTL. `returned` is IoStatus.Information: the bytes of `output` that mean something.
    // Mappings the driver made or removed are applied before this returns.
    //   kStatusInvalidBufferSize     the input is longer than kMaxIoBytes (protocol.hpp)
    //   kStatusInsufficientResources also: this process could not map what the driver mapped; close the handle
    // An output longer than kMaxIoBytes is presented to the driver as kMaxIoBytes.
    NtStatus device_io_control(Handle handle, std::uint32_t code, std::span<const std::byte> input,
                               std::span<std::byte> output, std::size_t& returned, const CallLimit& limit = {});

    // Waits on for the answer to the resumable device_io_control that was given up. Other calls may come in between.
    //   kStatusInvalidDeviceState    nothing will come: it was given up before the host was asked
    NtStatus resume_io_control(std::span<std::byte> output, std::size_t& returned, const CallLimit& limit = {});

    // Closes any handle of this process, a device's or an event's.
    NtStatus close(Handle handle, const CallLimit& limit = {});

    NtStatus create_event(EventKind kind, Event& event, const CallLimit& limit = {});

    // Takes the signal of a manual-reset event back. With the ring: reset, drain, wait, in this order.
    static void reset_event(const Event& event);

    // Blocks until the first of: `event` is signalled (kStatusSuccess), `interrupt_fd` is readable
    // (kStatusAlerted; it is not read), `timeout` has passed (kStatusTimeout), the host went away
    // (kStatusDeviceRemoved). When several hold, interrupt, host and event win in this order.
    // An auto-reset event releases one waiter per signal. interrupt_fd -1: none. An empty Event is never
    // signalled; one whose handle was closed gives kStatusInvalidHandle.
    NtStatus wait(const Event& event, std::chrono::nanoseconds timeout, int interrupt_fd = -1);

    // Makes `handle` of this process available in the process `target`, which must be connected and run
    // as the same user, unless this one runs as root. `duplicate_handle` is valid in the target only.
    //   kStatusInvalidHandle, kStatusInvalidParameter (target is not connected), kStatusAccessDenied
    NtStatus duplicate(Handle handle, pid_t target, Handle& duplicate_handle, const CallLimit& limit = {});

    // NtOpenProcess of another client, which must run as the same user, unless this one runs as root. `granted` is what
    // the driver has left of `desired`, rights of NT's.
    //   kStatusInvalidParameter (it is not connected), kStatusAccessDenied
    NtStatus open_process(pid_t pid, std::uint32_t desired, Handle& handle, std::uint32_t& granted,
                          const CallLimit& limit = {});

    // What the service manager knows on NT: `stopping` becomes readable, and stays so, when somebody stops the driver,
    // also when the host dies. The driver unloads when the last handle to it is closed, which is up to its clients;
    // one that keeps its handles loses them, and with them the host, after a while. Owned by the caller.
    NtStatus watch_service(UniqueFd& stopping, const CallLimit& limit = {});

    // The host said goodbye or died. Mappings stay readable until the last Connection is destroyed, so
    // that what the ring still holds can be drained.
    bool host_gone() const { return host_gone_.load(std::memory_order_acquire); }

    // Becomes readable when the host has something to say; wait() polls it. Callers with their own poll
    // loop call pump() then.
    int notice_descriptor() const { return notices_.get(); }

    // Applies what the host said on its own account: mappings that another process's close removed, or
    // that it goes away. Never blocks. Every call and wait does this too.
    NtStatus pump();

  private:
    // Beside the caller's output, what a reply brought.
    struct Result {
        std::uint64_t value = 0;
        UniqueFd descriptor;  // the operation's own
    };

    // The call that was given up after its request had been sent: its reply is still to come.
    struct GivenUp {
        protocol::Operation operation{};
        std::size_t output_bytes = 0;
        bool keep_answer = false;
    };
    // What the resumable call that was given up has answered meanwhile.
    struct KeptAnswer {
        NtStatus status = kStatusSuccess;
        std::vector<std::byte> output;
        std::size_t returned = 0;
    };

    Connection(UniqueFd socket, MappingWindow& window);
    NtStatus call(std::span<const std::byte> request, std::span<const std::byte> input, std::span<std::byte> output,
                  const CallLimit& limit, Result& result);
    NtStatus take_turn(const CallDeadline& deadline, Turn& turn) const;
    // The caller of these has the turn.
    NtStatus exchange(std::span<const std::byte> request, std::span<const std::byte> input, std::span<std::byte> output,
                      CallDeadline& deadline, Result& result);
    NtStatus send(std::span<const std::byte> request, std::span<const std::byte> input, CallDeadline& deadline);
    NtStatus read_reply(std::span<std::byte> output, Result& result);
    // Reads the reply of the call that was given up, if there is one, and puts it where it belongs.
    NtStatus settle(CallDeadline& deadline);
    NtStatus lost_host();

    enum class EventState { kNotSignalled, kSignalled, kClosed };
    static EventState take_signal(const Event& event);
    // Leaves the signal where it is.
    static EventState see_signal(const Event& event);
    // kStatusPending: another waiter was faster.
    NtStatus wait_for_event(const Event& event);

    const pid_t owner_;
    MappingWindow& window_;
    // One request at a time: guards what follows, up to notice_mutex_.
    TurnTaking turns_;
    UniqueFd socket_;  // non-blocking
    std::vector<std::byte> buffer_;
    std::optional<GivenUp> given_up_;
    std::optional<KeptAnswer> kept_;
    std::mutex notice_mutex_;  // guards reads of notices_
    UniqueFd notices_;
    std::atomic<bool> host_gone_{false};  // release store in lost_host and pump, acquire load in host_gone
};

}  // namespace aegis::host::client
