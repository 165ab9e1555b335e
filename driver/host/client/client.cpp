#include "driver/host/client/client.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utf8.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <new>

#include "driver/host/client/mapping_window.hpp"
#include "driver/host/client/request.hpp"

namespace aegis::host::client {
namespace {

NtStatus status_of_connect(int error) {
    switch (error) {
        case EACCES:
        case EPERM:
            return kStatusAccessDenied;
        case ENOENT:
        case ENOTDIR:
        case ECONNREFUSED:
            return kStatusObjectNameNotFound;
        case EPROTOTYPE:
            return kStatusObjectTypeMismatch;
        default:
            return kStatusInsufficientResources;
    }
}

}  // namespace

std::string default_socket_path() {
    const uid_t user = geteuid();
    if (user == 0) {
        return "/run/aegismon/aegismon.sock";
    }
    const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
    if (runtime != nullptr && runtime[0] == '/') {
        return std::string(runtime) + "/aegismon.sock";
    }
    return "/tmp/aegismon-" + std::to_string(user) + "/aegismon.sock";
}

Connection::Connection(UniqueFd socket, MappingWindow& window)
    : owner_(getpid()), window_(window), socket_(std::move(socket)) {
    window_.enter();
}

Connection::~Connection() {
    // The host first: it must not choose addresses in a window whose mappings are going.
    socket_.reset();
    notices_.reset();
    window_.leave();
}

NtStatus Connection::connect(const std::string& path, std::unique_ptr<Connection>& connection, const CallLimit& limit) {
    CallDeadline deadline(limit);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return kStatusObjectNameNotFound;
    }
    std::memcpy(address.sun_path, path.data(), path.size());

    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    MappingWindow* const window = MappingWindow::of_this_process();
    if (!socket || window == nullptr) {
        return kStatusInsufficientResources;
    }
    setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &protocol::kSocketBufferBytes, sizeof(int));
    while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        if (errno != EAGAIN && errno != EINTR) {
            return status_of_connect(errno);
        }
        // The host has not accepted those before; no descriptor tells when it has.
        constexpr std::chrono::milliseconds kTryAgain{10};
        if (const NtStatus status = deadline.pause(kTryAgain); !succeeded(status)) {
            return status;
        }
    }
    std::unique_ptr<Connection> fresh(new Connection(std::move(socket), *window));
    auto hello = make_request<protocol::HelloRequest>(protocol::Operation::kHello, 0);
    hello.window_address = window->address();
    hello.window_bytes = window->bytes();
    Result result;
    const NtStatus status = fresh->exchange(bytes_of(hello), {}, {}, deadline, result);
    if (!succeeded(status)) {
        return status;
    }
    if (!result.descriptor) {
        return kStatusUnexpectedNetworkError;
    }
    fresh->notices_ = std::move(result.descriptor);
    connection = std::move(fresh);
    return status;
}

NtStatus Connection::open_file(std::string_view nt_path, std::uint32_t desired_access, Handle& handle,
                               const CallLimit& limit) {
    if (!utf8::is_valid(nt_path.begin(), nt_path.end())) {
        return kStatusObjectNameInvalid;
    }
    std::u16string path;
    utf8::unchecked::utf8to16(nt_path.begin(), nt_path.end(), std::back_inserter(path));
    if (path.size() > protocol::kMaxPathUnits) {
        return kStatusObjectNameInvalid;
    }
    const std::span<const std::byte> path_bytes = std::as_bytes(std::span(path));
    auto request = make_request<protocol::OpenFileRequest>(protocol::Operation::kOpenFile, path_bytes.size());
    request.desired_access = desired_access;
    request.path_units = static_cast<std::uint32_t>(path.size());
    Result result;
    const NtStatus status = call(bytes_of(request), path_bytes, {}, limit, result);
    handle = result.value;
    return status;
}

NtStatus Connection::device_io_control(Handle handle, std::uint32_t code, std::span<const std::byte> input,
                                       std::span<std::byte> output, std::size_t& returned, const CallLimit& limit) {
    returned = 0;
    if (input.size() > protocol::kMaxIoBytes) {
        return kStatusInvalidBufferSize;
    }
    auto request = make_request<protocol::DeviceIoControlRequest>(protocol::Operation::kDeviceIoControl, input.size());
    request.handle = handle;
    request.code = code;
    request.input_bytes = static_cast<std::uint32_t>(input.size());
    request.output_bytes = static_cast<std::uint32_t>(std::min<std::size_t>(output.size(), protocol::kMaxIoBytes));
    Result result;
    const NtStatus status = call(bytes_of(request), input, output.first(request.output_bytes), limit, result);
    returned = result.value;
    return status;
}

NtStatus Connection::close(Handle handle, const CallLimit& limit) {
    auto request = make_request<protocol::CloseRequest>(protocol::Operation::kClose, 0);
    request.handle = handle;
    Result result;
    return call(bytes_of(request), {}, {}, limit, result);
}

NtStatus Connection::create_event(EventKind kind, Event& event, const CallLimit& limit) {
    auto request = make_request<protocol::CreateEventRequest>(protocol::Operation::kCreateEvent, 0);
    request.manual_reset = kind == EventKind::kManualReset ? 1 : 0;
    Result result;
    const NtStatus status = call(bytes_of(request), {}, {}, limit, result);
    if (!succeeded(status)) {
        return status;
    }
    if (!result.descriptor) {
        return kStatusUnexpectedNetworkError;
    }
    // So that of two threads that see one signal neither can get stuck reading it.
    if (fcntl(result.descriptor.get(), F_SETFL, O_NONBLOCK) != 0) {
        return kStatusInsufficientResources;
    }
    event.handle_ = result.value;
    event.descriptor_ = std::move(result.descriptor);
    event.kind_ = kind;
    return status;
}

NtStatus Connection::duplicate(Handle handle, pid_t target, Handle& duplicate_handle, const CallLimit& limit) {
    auto request = make_request<protocol::DuplicateRequest>(protocol::Operation::kDuplicate, 0);
    request.handle = handle;
    request.target_pid = static_cast<std::uint32_t>(target);
    Result result;
    const NtStatus status = call(bytes_of(request), {}, {}, limit, result);
    duplicate_handle = result.value;
    return status;
}

NtStatus Connection::open_process(pid_t pid, std::uint32_t desired, Handle& handle, std::uint32_t& granted,
                                  const CallLimit& limit) {
    auto request = make_request<protocol::OpenProcessRequest>(protocol::Operation::kOpenProcess, 0);
    request.pid = static_cast<std::uint32_t>(pid);
    request.desired_access = desired;
    Result result;
    const NtStatus status = call(bytes_of(request), {}, std::as_writable_bytes(std::span(&granted, 1)), limit, result);
    handle = result.value;
    return status;
}

NtStatus Connection::watch_service(UniqueFd& stopping, const CallLimit& limit) {
    const auto request = make_request<protocol::WatchServiceRequest>(protocol::Operation::kWatchService, 0);
    Result result;
    const NtStatus status = call(bytes_of(request), {}, {}, limit, result);
    if (!succeeded(status)) {
        return status;
    }
    if (!result.descriptor) {
        return kStatusUnexpectedNetworkError;
    }
    stopping = std::move(result.descriptor);
    return status;
}

NtStatus Connection::lost_host() {
    host_gone_.store(true, std::memory_order_release);
    return kStatusDeviceRemoved;
}

NtStatus Connection::pump() {
    const std::lock_guard guard(notice_mutex_);
    while (!host_gone()) {
        // The host writes whole notices, and a stream socket never splits what fits the buffer.
        std::array<protocol::Notice, 16> notices;
        const ssize_t received = recv(notices_.get(), notices.data(), sizeof(notices), MSG_DONTWAIT);
        if (received < 0 && errno == EINTR) {
            continue;
        }
        if (received < 0 && errno == EAGAIN) {
            return kStatusSuccess;
        }
        if (received <= 0) {
            return lost_host();
        }
        for (std::size_t i = 0; i < static_cast<std::size_t>(received) / sizeof(protocol::Notice); ++i) {
            if (notices[i].kind == static_cast<std::uint32_t>(protocol::NoticeKind::kGoodbye)) {
                return lost_host();
            }
            if (notices[i].kind == static_cast<std::uint32_t>(protocol::NoticeKind::kUnmap)) {
                window_.unmap(notices[i].mapping_id);
            }
        }
    }
    return kStatusDeviceRemoved;
}

}  // namespace aegis::host::client
