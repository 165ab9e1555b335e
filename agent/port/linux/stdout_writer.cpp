#include "agent/port/linux/stdout_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <system_error>

namespace aegis::agent {

StdoutWriter::StdoutWriter() : abandoned_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!abandoned_) {
        throw std::system_error(errno, std::generic_category(), "cannot create an eventfd");
    }
    struct stat status = {};
    if (fstat(STDOUT_FILENO, &status) != 0) {
        return;
    }
    if (S_ISFIFO(status.st_mode) || isatty(STDOUT_FILENO) == 1) {
        own_.reset(open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
        may_block_ = !own_;
    } else {
        may_block_ = S_ISSOCK(status.st_mode);
        is_file_ = S_ISREG(status.st_mode);
    }
}

int StdoutWriter::descriptor() const {
    return own_ ? own_.get() : STDOUT_FILENO;
}

void StdoutWriter::abandon() {
    const std::uint64_t one = 1;
    static_cast<void>(::write(abandoned_.get(), &one, sizeof(one)));
}

bool StdoutWriter::wait_for_reader() const {
    std::array<pollfd, 2> fds = {pollfd{descriptor(), POLLOUT, 0}, pollfd{abandoned_.get(), POLLIN, 0}};
    while (poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
    }
    return fds[1].revents == 0;
}

WriteResult StdoutWriter::write(std::string_view text) {
    while (true) {
        if (may_block_) {
            if (!wait_for_reader()) {
                return {WriteStatus::kAbandoned, 0, {}};
            }
            // A pipe that poll calls writable takes this much without waiting.
            text = text.substr(0, PIPE_BUF);
        }
        const ssize_t written = ::write(descriptor(), text.data(), text.size());
        if (written > 0) {
            if (is_file_ && static_cast<std::size_t>(written) < text.size()) {
                end_of_piece_ = lseek(STDOUT_FILENO, 0, SEEK_CUR);
            }
            return {WriteStatus::kWritten, static_cast<std::size_t>(written), {}};
        }
        const int error = errno;
        if (error == EPIPE || error == ECONNRESET) {
            return {WriteStatus::kClosed, 0, {}};
        }
        if (error == EAGAIN) {
            if (!wait_for_reader()) {
                return {WriteStatus::kAbandoned, 0, {}};
            }
        } else if (error != EINTR) {
            return {WriteStatus::kFailed, 0, fmt::format("{} (errno {})", std::strerror(error), error)};
        }
    }
}

// Our own messages may go to the same file, and so may another program: what they wrote since stays.
bool StdoutWriter::take_back(std::size_t bytes) {
    const auto length = static_cast<off_t>(bytes);
    struct stat status = {};
    if (!is_file_ || end_of_piece_ < length || lseek(STDOUT_FILENO, 0, SEEK_CUR) != end_of_piece_ ||
        fstat(STDOUT_FILENO, &status) != 0 || status.st_size != end_of_piece_) {
        return false;
    }
    end_of_piece_ -= length;
    return ftruncate(STDOUT_FILENO, end_of_piece_) == 0 && lseek(STDOUT_FILENO, end_of_piece_, SEEK_SET) >= 0;
}

}  // namespace aegis::agent
