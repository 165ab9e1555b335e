// One process that talks to the host, for as long as it lives.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "driver/host/executive/executive.hpp"
#include "driver/host/server/notice_board.hpp"
#include "driver/host/server/window_allocator.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host::server {

// Who connected, as the kernel says.
struct Peer {
    std::uint32_t pid = 0;
    uid_t user = 0;
    Account account = Account::kUser;
    UniqueFd process;  // pidfd
};

// Keeps the handles that the process got through the host: a process that disconnects and lives on must
// lose them, which NT knows no call for. Any thread.
class ClientProcess {
  public:
    ClientProcess(Peer peer, const AddressWindow& window);

    std::uint32_t pid() const { return peer_.pid; }
    uid_t user() const { return peer_.user; }
    Account account() const { return peer_.account; }
    int pidfd() const { return peer_.process.get(); }
    // The process has ended: the kernel's word, not to be taken back.
    bool has_ended() const;
    // It has ended, or is past the point where it could make another call.
    bool is_ending() const;

    // The executive's process; set once, before any connection is served.
    Process& process() const { return *process_; }
    const ProcessRef& reference() const { return process_; }
    void set_process(ProcessRef process) { process_ = std::move(process); }

    const std::shared_ptr<NoticeBoard>& board() const { return board_; }
    const std::shared_ptr<WindowAllocator>& window() const { return window_; }

    // A connection begins: false when it offers another window than those that are there.
    bool connect(int socket, int notices, const AddressWindow& window);
    // It ended. Returns the handles that go with it, for the caller to close: all of them when it was the last
    // connection of a process that lives on, else none. A process that connects again at the same moment keeps those
    // that it gets from then on.
    std::vector<ProcessHandle> disconnect(int socket);

    // Room for one more handle? Follow with keep_handle() or give_back_room().
    bool take_room_for_handle();
    void give_back_room();
    // False when the process has disconnected meanwhile: the caller closes the handle.
    bool keep_handle(ProcessHandle handle);
    void forget_handle(ProcessHandle handle);
    // All of them, to be closed by the caller.
    std::vector<ProcessHandle> take_handles();

  private:
    // Caller holds mutex_.
    std::vector<ProcessHandle> take_handles_locked();

    const Peer peer_;
    const std::shared_ptr<NoticeBoard> board_;
    const std::shared_ptr<WindowAllocator> window_;
    ProcessRef process_;
    std::mutex mutex_;  // guards what follows; never held across a call to the executive
    std::size_t connections_ = 0;
    std::size_t room_taken_ = 0;  // handles, and calls that may add one
    std::unordered_set<ProcessHandle> handles_;
};

using ClientProcessRef = std::shared_ptr<ClientProcess>;

}  // namespace aegis::host::server
