#include "driver/host/server/server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <system_error>

#include "driver/host/client/protocol.hpp"
#include "driver/host/client/status.hpp"
#include "driver/host/descriptors.hpp"
#include "driver/host/server/limits.hpp"

namespace aegis::host::server {
namespace {

// A descriptor of the process that connected, whoever has its pid by now. Since Linux 6.5; the number is
// that of the generic headers, which Debian 12's do not have yet.
constexpr int kPeerPidfd = 77;

UniqueFd pidfd_of(int socket, pid_t pid) {
    int fd = -1;
    socklen_t bytes = sizeof(fd);
    if (getsockopt(socket, SOL_SOCKET, kPeerPidfd, &fd, &bytes) != 0) {
        fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    }
    return UniqueFd(fd);
}

std::optional<Peer> peer_of(int socket) {
    ucred credentials{};
    socklen_t bytes = sizeof(credentials);
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0) {
        return std::nullopt;
    }
    const bool administrator = credentials.uid == 0 || credentials.uid == geteuid();
    return Peer{.pid = static_cast<std::uint32_t>(credentials.pid),
                .user = credentials.uid,
                .account = administrator ? Account::kAdministrator : Account::kUser,
                .process = credentials.pid > 0 ? pidfd_of(socket, credentials.pid) : UniqueFd()};
}

// For poll(): rounded up, or the wait would end just before the time and begin anew.
int milliseconds_until(const std::optional<ProcessTable::Clock::time_point>& time) {
    if (!time) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*time - ProcessTable::Clock::now());
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
}

// The one message a refused connection gets.
void refuse(MessageSocket socket, NTSTATUS status) {
    const protocol::Reply reply = {.magic = protocol::kMagic,
                                   .version = protocol::kVersion,
                                   .operation = 0,
                                   .bytes = sizeof(protocol::Reply),
                                   .status = status,
                                   .value = 0,
                                   .output_bytes = 0,
                                   .maps = 0,
                                   .unmaps = 0};
    const std::array<std::span<const std::byte>, 1> parts = {std::as_bytes(std::span(&reply, 1))};
    socket.send(parts, {});
}

}  // namespace

Server::Server(Executive& executive, std::function<void(std::string_view line)> report)
    : executive_(executive),
      report_(std::move(report)),
      processes_(executive),
      finished_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!finished_) {
        throw std::system_error(errno, std::generic_category(), "eventfd");
    }
}

Server::~Server() {
    stop();
}

std::optional<std::string> Server::start(const std::string& path, bool source_reports_ends) {
    // Far more than the connector needs; a scan of /proc takes as long as the process stays unreaped.
    constexpr std::chrono::milliseconds kPatience{500};
    processes_.set_patience(source_reports_ends ? kPatience : std::chrono::milliseconds(0));
    if (std::optional<std::string> error = listener_.listen(path)) {
        return error;
    }
    thread_ = std::thread([this] { run(); });
    return std::nullopt;
}

void Server::stop() {
    if (!thread_.joinable()) {
        return;
    }
    stop_.set();
    thread_.join();
    const std::vector<ClientProcessRef> processes = processes_.all();
    for (const ClientProcessRef& process : processes) {
        process->board()->post_goodbye();
    }
    for (const auto& connection : connections_) {
        connection->hang_up();
    }
    connections_.clear();
    // The last connection of a process closes its handles; but one that was dying then left them to
    // its burial, which nobody does any more.
    for (const ClientProcessRef& process : processes) {
        for (const ProcessHandle handle : process->take_handles()) {
            executive_.close(process->process(), handle);
        }
    }
}

void Server::run() {
    std::array<pollfd, 4> fds = {pollfd{stop_.descriptor(), POLLIN, 0}, pollfd{listener_.descriptor(), POLLIN, 0},
                                 pollfd{processes_.descriptor(), POLLIN, 0}, pollfd{finished_.get(), POLLIN, 0}};
    std::optional<ProcessTable::Clock::time_point> next_burial;
    while (true) {
        if (poll(fds.data(), fds.size(), milliseconds_until(next_burial)) < 0) {
            continue;
        }
        if (fds[0].revents != 0) {
            return;
        }
        next_burial = processes_.bury_ended();
        if (fds[3].revents != 0) {
            reap();
        }
        if (fds[1].revents != 0) {
            accept_all();
        }
    }
}

void Server::accept_all() {
    while (true) {
        UniqueFd socket(accept4(listener_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
        if (socket) {
            accept_one(std::move(socket));
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            // The listener stays readable, so without a pause this would spin until somebody leaves.
            report_(fmt::format("cannot accept a client yet: {}; end other clients, or raise the limit (ulimit -n)",
                                std::strerror(errno)));
            constexpr long long kPauseNanoseconds = 100'000'000;
            stop_.keep_going(-1, kPauseNanoseconds);
        }
        if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

void Server::accept_one(UniqueFd socket) {
    setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &protocol::kSocketBufferBytes, sizeof(int));
    if (!descriptors_left(kDescriptorsInReserve)) {
        refuse_for_descriptors(std::move(socket));
        return;
    }
    std::optional<Peer> peer = peer_of(socket.get());
    if (!peer || !peer->process) {
        // Dead already, or in a PID namespace that the host cannot see into.
        refuse(MessageSocket(std::move(socket)), STATUS_INVALID_CID);
        return;
    }
    if (!has_room_for(*peer)) {
        report_(fmt::format("client {} (uid {}): refused, too many connections", peer->pid, peer->user));
        refuse(MessageSocket(std::move(socket)), client::kStatusTooManySessions);
        return;
    }
    const auto announce_end = [this] {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(finished_.get(), &one, sizeof(one));
    };
    try {
        connections_.push_back(std::make_unique<Connection>(executive_, processes_, service_, report_,
                                                            std::move(socket), std::move(*peer), announce_end));
    } catch (const std::system_error& error) {
        report_(fmt::format("cannot serve a client: {}", error.what()));
    }
}

void Server::refuse_for_descriptors(UniqueFd socket) {
    report_(
        fmt::format("a client is refused: too few file descriptors; this process may open {}, raise the limit "
                    "(ulimit -n) or end other clients",
                    descriptor_limit()));
    refuse(MessageSocket(std::move(socket)), STATUS_INSUFFICIENT_RESOURCES);
}

bool Server::has_room_for(const Peer& peer) const {
    if (connections_.size() >= kMostConnections) {
        return false;
    }
    if (peer.account != Account::kUser) {
        return true;
    }
    std::size_t ordinary = 0;
    std::size_t of_this_user = 0;
    for (const auto& connection : connections_) {
        ordinary += connection->account() == Account::kUser ? 1 : 0;
        of_this_user += connection->user() == peer.user ? 1 : 0;
    }
    return ordinary < kMostOrdinaryConnections && of_this_user < kMostConnectionsOfOneUser;
}

void Server::reap() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t bytes = ::read(finished_.get(), &count, sizeof(count));
    connections_.remove_if([](const std::unique_ptr<Connection>& connection) { return connection->finished(); });
}

}  // namespace aegis::host::server
