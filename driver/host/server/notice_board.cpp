#include "driver/host/server/notice_board.hpp"

#include <sys/socket.h>

#include <algorithm>

namespace aegis::host::server {

void NoticeBoard::add(int socket, int notices) {
    const std::lock_guard guard(mutex_);
    lines_.push_back({socket, notices});
}

std::size_t NoticeBoard::remove(int socket) {
    const std::lock_guard guard(mutex_);
    std::erase_if(lines_, [socket](const Line& line) { return line.socket == socket; });
    return lines_.size();
}

bool NoticeBoard::send(const Line& line, const protocol::Notice& notice) {
    return ::send(line.notices, &notice, sizeof(notice), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(notice);
}

void NoticeBoard::post_unmap(std::uint64_t mapping_id) {
    const protocol::Notice notice = {static_cast<std::uint32_t>(protocol::NoticeKind::kUnmap), 0, mapping_id};
    const std::lock_guard guard(mutex_);
    for (const Line& line : lines_) {
        if (send(line, notice)) {
            return;
        }
        shutdown(line.socket, SHUT_RDWR);
    }
}

void NoticeBoard::post_goodbye() {
    const protocol::Notice notice = {static_cast<std::uint32_t>(protocol::NoticeKind::kGoodbye), 0, 0};
    const std::lock_guard guard(mutex_);
    for (const Line& line : lines_) {
        send(line, notice);
    }
}

void NoticeBoard::hang_up() {
    const std::lock_guard guard(mutex_);
    for (const Line& line : lines_) {
        shutdown(line.socket, SHUT_RD);
    }
}

}  // namespace aegis::host::server
