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
#include "driver/host/client/protocol.hpp"

namespace aegis::host::client {
namespace {

constexpr std::size_t kMostDescriptors = 1 + protocol::kMaxMappingChanges;

template <typename Request>
Request make_request(protocol::Operation operation, std::size_t variable_bytes) {
    Request request{};
    request.header.magic = protocol::kMagic;
    request.header.version = protocol::kVersion;
    request.header.operation = static_cast<std::uint16_t>(operation);
    request.header.bytes = static_cast<std::uint32_t>(sizeof(Request) + variable_bytes);
    return request;
}

template <typename Request>
std::span<const std::byte> bytes_of(const Request& request) {
    return std::as_bytes(std::span(&request, 1));
}

template <typename Value>
Value take(std::span<const std::byte>& bytes) {
    Value value;
    std::memcpy(&value, bytes.data(), sizeof(Value));
    bytes = bytes.subspan(sizeof(Value));
    return value;
}

// Every descriptor that came with a message, owned.
std::vector<UniqueFd> take_descriptors(msghdr& message) {
    std::vector<UniqueFd> descriptors;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
            const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i < count; ++i) {
                int fd = -1;
                std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
                descriptors.emplace_back(fd);
            }
        }
    }
    return descriptors;
}

NtStatus status_of_connect(int error) {
    switch (error) {
        case EACCES:
        case EPERM:
            return kStatusAccessDenied;
        case ENOENT:
        case ENOTDIR:
        case ECONNREFUSED:
        case EPROTOTYPE:
            return kStatusObjectNameNotFound;
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

NtStatus Connection::connect(const std::string& path, std::unique_ptr<Connection>& connection) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return kStatusObjectNameNotFound;
    }
    std::memcpy(address.sun_path, path.data(), path.size());

    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    MappingWindow* const window = MappingWindow::of_this_process();
    if (!socket || window == nullptr) {
        return kStatusInsufficientResources;
    }
    setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &protocol::kSocketBufferBytes, sizeof(int));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return status_of_connect(errno);
    }
    std::unique_ptr<Connection> fresh(new Connection(std::move(socket), *window));
    auto hello = make_request<protocol::HelloRequest>(protocol::Operation::kHello, 0);
    hello.window_address = window->address();
    hello.window_bytes = window->bytes();
    Result result;
    const NtStatus status = fresh->call(bytes_of(hello), {}, {}, result);
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

NtStatus Connection::open_file(std::string_view nt_path, std::uint32_t desired_access, Handle& handle) {
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
    const NtStatus status = call(bytes_of(request), path_bytes, {}, result);
    handle = result.value;
    return status;
}

NtStatus Connection::device_io_control(Handle handle, std::uint32_t code, std::span<const std::byte> input,
                                       std::span<std::byte> output, std::size_t& returned) {
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
    const NtStatus status = call(bytes_of(request), input, output.first(request.output_bytes), result);
    returned = result.value;
    return status;
}

NtStatus Connection::close(Handle handle) {
    auto request = make_request<protocol::CloseRequest>(protocol::Operation::kClose, 0);
    request.handle = handle;
    Result result;
    return call(bytes_of(request), {}, {}, result);
}

NtStatus Connection::create_event(EventKind kind, Event& event) {
    auto request = make_request<protocol::CreateEventRequest>(protocol::Operation::kCreateEvent, 0);
    request.manual_reset = kind == EventKind::kManualReset ? 1 : 0;
    Result result;
    const NtStatus status = call(bytes_of(request), {}, {}, result);
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

NtStatus Connection::duplicate(Handle handle, pid_t target, Handle& duplicate_handle) {
    auto request = make_request<protocol::DuplicateRequest>(protocol::Operation::kDuplicate, 0);
    request.handle = handle;
    request.target_pid = static_cast<std::uint32_t>(target);
    Result result;
    const NtStatus status = call(bytes_of(request), {}, {}, result);
    duplicate_handle = result.value;
    return status;
}

NtStatus Connection::call(std::span<const std::byte> request, std::span<const std::byte> input,
                          std::span<std::byte> output, Result& result) {
    if (owner_ != getpid()) {
        return kStatusInvalidDeviceState;
    }
    const std::lock_guard guard(call_mutex_);
    if (host_gone()) {
        return kStatusDeviceRemoved;
    }
    return exchange(request, input, output, result);
}

NtStatus Connection::exchange(std::span<const std::byte> request, std::span<const std::byte> input,
                              std::span<std::byte> output, Result& result) {
    // sendmsg() takes what it only reads through pointers that are not const.
    std::array<iovec, 2> parts = {iovec{const_cast<std::byte*>(request.data()), request.size()},
                                  iovec{const_cast<std::byte*>(input.data()), input.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    ssize_t sent = -1;
    do {
        sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    // A host that refuses a connection answers without reading, so a failed send may still have a reply.
    if (sent < 0 && errno != EPIPE && errno != ECONNRESET) {
        return errno == EMSGSIZE ? kStatusInvalidBufferSize : kStatusInsufficientResources;
    }
    return read_reply(output, result);
}

NtStatus Connection::read_reply(std::span<std::byte> output, Result& result) {
    constexpr std::size_t kMostChangeBytes =
        protocol::kMaxMappingChanges * (sizeof(protocol::Mapping) + sizeof(std::uint64_t));
    buffer_.resize(sizeof(protocol::Reply) + kMostChangeBytes + output.size());
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMostDescriptors * sizeof(int))> control;
    iovec part = {buffer_.data(), buffer_.size()};
    msghdr message{};
    ssize_t received = -1;
    // The first error after a refusal is a reset, reported once, in front of the reply that is queued.
    for (int resets = 0; received < 0;) {
        message = {};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        received = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
        if (received < 0 && errno != EINTR && (errno != ECONNRESET || ++resets > 1)) {
            return lost_host();
        }
    }
    std::vector<UniqueFd> descriptors = take_descriptors(message);
    std::span<const std::byte> rest = std::span<const std::byte>(buffer_).first(static_cast<std::size_t>(received));
    if (rest.size() < sizeof(protocol::Reply)) {
        return lost_host();
    }
    const auto reply = take<protocol::Reply>(rest);
    const std::size_t change_bytes = reply.maps * sizeof(protocol::Mapping) + reply.unmaps * sizeof(std::uint64_t);
    const bool own_descriptor = descriptors.size() == reply.maps + std::size_t{1};
    const bool well_formed = reply.magic == protocol::kMagic && rest.size() == change_bytes + reply.output_bytes &&
                             reply.output_bytes <= output.size() && descriptors.size() >= reply.maps &&
                             descriptors.size() - reply.maps <= 1 &&
                             (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    if (!well_formed) {
        // Out of descriptors, or no host of ours: what the reply said cannot be had any more.
        return (message.msg_flags & MSG_CTRUNC) != 0 ? kStatusInsufficientResources : kStatusUnexpectedNetworkError;
    }
    if (reply.version != protocol::kVersion) {
        return kStatusRevisionMismatch;
    }
    NtStatus status = reply.status;
    for (std::size_t i = 0; i < reply.maps; ++i) {
        const NtStatus mapped = window_.map(take<protocol::Mapping>(rest), descriptors[i + (own_descriptor ? 1 : 0)]);
        status = succeeded(mapped) ? status : mapped;
    }
    for (std::size_t i = 0; i < reply.unmaps; ++i) {
        window_.unmap(take<std::uint64_t>(rest));
    }
    std::copy(rest.begin(), rest.end(), output.begin());
    result.value = reply.value;
    if (own_descriptor) {
        result.descriptor = std::move(descriptors.front());
    }
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
