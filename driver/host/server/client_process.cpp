#include "driver/host/server/client_process.hpp"

#include <poll.h>

#include "driver/host/server/limits.hpp"
#include "driver/host/sources/process_files.hpp"

namespace aegis::host::server {

ClientProcess::ClientProcess(Peer peer, const AddressWindow& window)
    : peer_(std::move(peer)),
      board_(std::make_shared<NoticeBoard>()),
      window_(std::make_shared<WindowAllocator>(window)) {}

bool ClientProcess::has_ended() const {
    pollfd ended = {pidfd(), POLLIN, 0};
    return poll(&ended, 1, 0) > 0;
}

bool ClientProcess::is_ending() const {
    return has_ended() || sources::every_thread_exiting(pid());
}

bool ClientProcess::connect(int socket, int notices, const AddressWindow& window) {
    const std::lock_guard guard(mutex_);
    if (window_->window() != window) {
        if (connections_ != 0) {
            return false;
        }
        window_->move_to(window);
    }
    ++connections_;
    board_->add(socket, notices);
    return true;
}

// Decided and done under one lock: a connection that begins in between would lose handles of its own. One that dies
// must keep them: NT tells of the exit first and closes the handles then, and the process table sees to both.
std::vector<ProcessHandle> ClientProcess::disconnect(int socket) {
    const std::lock_guard guard(mutex_);
    board_->remove(socket);
    --connections_;
    if (connections_ != 0 || is_ending()) {
        return {};
    }
    return take_handles_locked();
}

bool ClientProcess::take_room_for_handle() {
    const std::lock_guard guard(mutex_);
    if (connections_ == 0 || room_taken_ == most_handles(account())) {
        return false;
    }
    ++room_taken_;
    return true;
}

void ClientProcess::give_back_room() {
    const std::lock_guard guard(mutex_);
    --room_taken_;
}

bool ClientProcess::keep_handle(ProcessHandle handle) {
    const std::lock_guard guard(mutex_);
    if (connections_ == 0) {
        --room_taken_;
        return false;
    }
    handles_.insert(handle);
    return true;
}

void ClientProcess::forget_handle(ProcessHandle handle) {
    const std::lock_guard guard(mutex_);
    room_taken_ -= handles_.erase(handle);
}

std::vector<ProcessHandle> ClientProcess::take_handles() {
    const std::lock_guard guard(mutex_);
    return take_handles_locked();
}

std::vector<ProcessHandle> ClientProcess::take_handles_locked() {
    std::vector<ProcessHandle> handles(handles_.begin(), handles_.end());
    room_taken_ -= handles_.size();
    handles_.clear();
    return handles;
}

}  // namespace aegis::host::server
