// The processes that talk to the host, from their first connection to their end.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "driver/host/executive/executive.hpp"
#include "driver/host/server/client_process.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host::server {

// Any thread, unless said otherwise. A process's pidfd says when it has ended; descriptor() becomes readable then.
//
// A source of real activity reports the end as well, a moment later, but in order behind the process's start,
// which it may still hold back, and with the kernel's time. So the source is given some time to be the one
// that tells the driver; without a source of that kind the pidfd's word is passed on at once.
class ProcessTable {
  public:
    using Clock = std::chrono::steady_clock;

    explicit ProcessTable(Executive& executive);

    // How long an end may wait for the source's report. Before the first admission.
    void set_patience(Clock::duration patience) { patience_ = patience; }

    struct Admission {
        NTSTATUS status = STATUS_SUCCESS;
        ClientProcessRef process;  // with one connection more; null unless status is a success
    };
    // A process connects, for the first time or again.
    //   STATUS_TOO_MANY_SESSIONS       as many processes as the host will serve, in all or for this user
    //   STATUS_PROCESS_IS_TERMINATING  the process has ended meanwhile
    //   STATUS_ACCESS_DENIED           the process is known with another user: its token does not change
    //   STATUS_INVALID_PARAMETER       another window than that of its other connections
    Admission admit(Peer peer, int socket, int notices, const AddressWindow& window);

    // One of the connected processes; null when there is none of this pid.
    ClientProcessRef find(std::uint32_t pid) const;
    std::vector<ClientProcessRef> all() const;

    int descriptor() const { return ended_.get(); }
    // Sees who has ended, and buries those whose time is up: exit notification, handles, address space.
    // Returns when to call again at the latest. One thread.
    std::optional<Clock::time_point> bury_ended();
    // The source has reported the end of this pid, and the executive knows.
    void end_reported(std::uint32_t pid);

  private:
    struct Dying {
        ClientProcessRef process;
        Clock::time_point deadline;
    };

    bool has_room_for(const Peer& peer) const;
    void bury(const ClientProcessRef& process);

    Executive& executive_;
    Clock::duration patience_{};
    UniqueFd ended_;            // epoll over all pidfds
    std::vector<Dying> dying_;  // in order of their deadlines; of the thread that calls bury_ended()
    mutable std::mutex mutex_;  // guards processes_; not held while a process exits
    std::unordered_map<std::uint32_t, ClientProcessRef> processes_;
};

}  // namespace aegis::host::server
