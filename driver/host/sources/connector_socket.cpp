#include "driver/host/sources/connector_socket.hpp"

#include <fmt/format.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>

#include "driver/host/sources/nt_clock.hpp"

namespace aegis::host::sources {
namespace {

// Room for about 20,000 events: a burst that outlasts a few scheduler ticks.
constexpr int kReceiveBufferBytes = 16 << 20;
constexpr std::int64_t kSelfTestNanoseconds = 2'000'000'000;

SourceError system_error(const char* what, int error, const char* remedy) {
    return {fmt::format("{}: {}; {}", what, std::strerror(error), remedy)};
}

constexpr const char* kPrivilege =
    "the process events connector needs CAP_NET_ADMIN: run as root, or grant it with "
    "'setcap cap_net_admin,cap_sys_admin,cap_sys_ptrace,cap_sys_nice+ep' on aegismon-host";
constexpr const char* kKernel =
    "this kernel or network namespace has no process events connector (CONFIG_PROC_EVENTS; in a container: "
    "--network host --pid host)";
constexpr const char* kNamespace =
    "the kernel accepted the subscription to process events but delivers none: it does so only in the initial PID and "
    "user namespaces, with CAP_NET_ADMIN (in a container: --pid host --network host --cap-add NET_ADMIN)";

// proc_event.what. The kernel's header declares these in one scope up to version 6.5 and in another after.
constexpr std::uint32_t kWhatFork = 0x00000001;
constexpr std::uint32_t kWhatExec = 0x00000002;
constexpr std::uint32_t kWhatExit = 0x80000000;

constexpr std::size_t kConnectorOffset = sizeof(nlmsghdr);
constexpr std::size_t kPayloadOffset = kConnectorOffset + sizeof(cn_msg);

using Subscription = std::array<std::byte, kPayloadOffset + sizeof(proc_cn_mcast_op)>;

Subscription subscription(proc_cn_mcast_op operation) {
    nlmsghdr netlink{};
    netlink.nlmsg_len = sizeof(Subscription);
    netlink.nlmsg_type = NLMSG_DONE;
    cn_msg connector{};
    connector.id = {CN_IDX_PROC, CN_VAL_PROC};
    connector.len = sizeof(operation);
    Subscription message;
    std::memcpy(message.data(), &netlink, sizeof(netlink));
    std::memcpy(message.data() + kConnectorOffset, &connector, sizeof(connector));
    std::memcpy(message.data() + kPayloadOffset, &operation, sizeof(operation));
    return message;
}

}  // namespace

std::optional<SourceError> ConnectorSocket::subscribe() {
    socket_.reset(socket(PF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR));
    if (!socket_) {
        return system_error("cannot open a connector socket", errno, kKernel);
    }
    // Forced past the system's limit where permitted, up to the limit where not.
    if (setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBufferBytes, sizeof(int)) != 0) {
        setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes, sizeof(int));
    }
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = CN_IDX_PROC;
    if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return system_error("cannot join the process events group", errno, kPrivilege);
    }
    const Subscription message = subscription(PROC_CN_MCAST_LISTEN);
    if (send(socket_.get(), message.data(), message.size(), 0) < 0) {
        return system_error("cannot subscribe to process events", errno, errno == EPERM ? kPrivilege : kKernel);
    }
    return std::nullopt;
}

std::optional<SourceError> ConnectorSocket::open() {
    std::optional<SourceError> error = subscribe();
    if (!error && !delivers()) {
        error = SourceError{kNamespace};
    }
    if (error) {
        socket_.reset();
    } else {
        // The first number of a CPU says where its count stands: a hole before it would not show.
        touch_every_cpu();
    }
    return error;
}

void ConnectorSocket::touch_every_cpu() {
    for (int cpu = 0; cpu < get_nprocs_conf() && cpu < CPU_SETSIZE; ++cpu) {
        cpu_set_t only;
        CPU_ZERO(&only);
        CPU_SET(cpu, &only);
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_attr_setaffinity_np(&attributes, sizeof(only), &only);
        pthread_t thread{};
        // Refused for a CPU that is off or not for this process.
        pthread_create(
            &thread, &attributes, [](void*) -> void* { return nullptr; }, nullptr);
        pthread_attr_destroy(&attributes);
    }
}

bool ConnectorSocket::delivers() {
    const pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    if (child < 0) {
        return false;
    }
    bool seen = false;
    const std::int64_t deadline = clock_nanoseconds(CLOCK_MONOTONIC) + kSelfTestNanoseconds;
    while (!seen) {
        const std::int64_t left = deadline - clock_nanoseconds(CLOCK_MONOTONIC);
        if (left <= 0) {
            break;
        }
        pollfd readable = {socket_.get(), POLLIN, 0};
        constexpr std::int64_t kNanosecondsPerMillisecond = 1'000'000;
        poll(&readable, 1, static_cast<int>(left / kNanosecondsPerMillisecond) + 1);
        std::span<const KernelEvent> events;
        while (!seen && receive(events)) {
            for (const KernelEvent& event : events) {
                seen = seen ||
                       (event.kind == KernelEventKind::kExit && event.process == static_cast<std::uint32_t>(child));
            }
        }
    }
    waitpid(child, nullptr, 0);
    return seen;
}

bool ConnectorSocket::receive(std::span<const KernelEvent>& events) {
    std::array<iovec, kBatch> parts;
    std::array<sockaddr_nl, kBatch> senders{};
    std::array<mmsghdr, kBatch> messages{};
    for (std::size_t i = 0; i < kBatch; ++i) {
        parts[i] = {datagrams_[i].data(), datagrams_[i].size()};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = &senders[i];
        messages[i].msg_hdr.msg_namelen = sizeof(senders[i]);
    }
    events_.clear();
    events = {};
    const int received = recvmmsg(socket_.get(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (received < 0) {
        if (errno == ENOBUFS) {
            ++overruns_;
            return true;
        }
        return errno == EINTR;
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
        // Only port 0 is the kernel; a privileged process may send to the group as well.
        if (senders[i].nl_pid == 0) {
            decode(std::span(datagrams_[i]).first(messages[i].msg_len));
        }
    }
    events = events_;
    return true;
}

void ConnectorSocket::decode(std::span<const std::byte> datagram) {
    cn_msg connector;
    proc_event event{};
    if (datagram.size() <= kPayloadOffset) {
        return;
    }
    std::memcpy(&connector, datagram.data() + kConnectorOffset, sizeof(connector));
    if (connector.id.idx != CN_IDX_PROC || connector.id.val != CN_VAL_PROC) {
        return;
    }
    std::memcpy(&event, datagram.data() + kPayloadOffset, std::min(sizeof(event), datagram.size() - kPayloadOffset));
    // Of every kind: the acknowledgement of another program's subscription takes a number as well.
    count_gap(event.cpu, connector.seq);

    const auto time = static_cast<std::int64_t>(event.timestamp_ns);
    const auto id = [](__kernel_pid_t pid) { return static_cast<std::uint32_t>(pid); };
    switch (static_cast<std::uint32_t>(event.what)) {
        case kWhatFork: {
            const auto& fork = event.event_data.fork;
            events_.push_back(
                {KernelEventKind::kFork, id(fork.child_pid), id(fork.child_tgid), id(fork.parent_tgid), time});
            break;
        }
        case kWhatExec: {
            const auto& exec = event.event_data.exec;
            events_.push_back({KernelEventKind::kExec, id(exec.process_pid), id(exec.process_tgid), 0, time});
            break;
        }
        case kWhatExit: {
            const auto& exit = event.event_data.exit;
            events_.push_back(
                {KernelEventKind::kExit, id(exit.process_pid), id(exit.process_tgid), 0, time, exit.exit_code});
            break;
        }
        default:
            break;
    }
}

void ConnectorSocket::count_gap(std::uint32_t cpu, std::uint32_t number) {
    constexpr std::uint32_t kMostCpus = 1U << 16;
    if (cpu >= kMostCpus) {
        return;
    }
    if (cpu >= last_number_.size()) {
        last_number_.resize(cpu + 1);
    }
    std::optional<std::uint32_t>& last = last_number_[cpu];
    if (last) {
        dropped_ += static_cast<std::uint32_t>(number - *last - 1);
    }
    last = number;
}

}  // namespace aegis::host::sources
