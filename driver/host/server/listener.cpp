#include "driver/host/server/listener.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "driver/host/client/client.hpp"

namespace aegis::host::server {
namespace {

constexpr int kBacklog = 64;
constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kSocketMode = 0666;

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
}

std::string failure(const char* action, const std::string& path) {
    return fmt::format("cannot {} {}: {}", action, path, std::strerror(errno));
}

// Below /tmp anybody may have been there first: the directory must be ours and nobody else's to write.
std::optional<std::string> make_directory(const std::string& directory) {
    if (mkdir(directory.c_str(), kDirectoryMode) == 0) {
        return std::nullopt;
    }
    if (errno != EEXIST) {
        return failure("create", directory);
    }
    struct stat found {};
    if (lstat(directory.c_str(), &found) != 0) {
        return failure("examine", directory);
    }
    const bool trustworthy =
        S_ISDIR(found.st_mode) && found.st_uid == geteuid() && (found.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    return trustworthy ? std::nullopt
                       : std::optional(fmt::format("{} is not a directory that only this user can write; remove it, or "
                                                   "name another path with --socket",
                                                   directory));
}

// Held while a socket file is looked at and replaced, so that of two hosts that start at the same time
// neither removes the other's. Without access to the directory there is nothing to replace either.
UniqueFd lock_directory(const std::string& directory) {
    UniqueFd lock(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (lock) {
        flock(lock.get(), LOCK_EX);
    }
    return lock;
}

bool somebody_listens(const sockaddr_un& address) {
    const UniqueFd probe(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // Anything but a refusal, a full backlog for example, may be a living host.
    return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
           errno != ECONNREFUSED;
}

}  // namespace

Listener::~Listener() {
    struct stat found {};
    if (socket_ && lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_) {
        unlink(path_.c_str());
    }
}

std::optional<std::string> Listener::listen(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return fmt::format("socket path '{}': 1 to {} bytes are possible", path, sizeof(address.sun_path) - 1);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    const std::string directory = directory_of(path);
    if (path == client::default_socket_path()) {
        if (std::optional<std::string> error = make_directory(directory)) {
            return error;
        }
    }
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    // Connections inherit it: every message then carries its sender's credentials.
    if (!socket || setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0) {
        return failure("create a socket for", path);
    }
    const UniqueFd lock = lock_directory(directory);
    const auto* const name = reinterpret_cast<const sockaddr*>(&address);
    struct stat found {};
    if (lstat(path.c_str(), &found) == 0) {
        if (!S_ISSOCK(found.st_mode)) {
            return fmt::format("{} exists and is no socket", path);
        }
        if (somebody_listens(address)) {
            return fmt::format("another process listens at {}; end it, or name another path with --socket", path);
        }
        if (unlink(path.c_str()) != 0) {
            return failure("replace", path);
        }
    }
    if (bind(socket.get(), name, sizeof(address)) != 0) {
        return failure("bind to", path);
    }
    if (chmod(path.c_str(), kSocketMode) != 0 || lstat(path.c_str(), &found) != 0 ||
        ::listen(socket.get(), kBacklog) != 0) {
        const std::string error = failure("listen at", path);
        unlink(path.c_str());
        return error;
    }
    socket_ = std::move(socket);
    path_ = path;
    device_ = found.st_dev;
    inode_ = found.st_ino;
    return std::nullopt;
}

}  // namespace aegis::host::server
