// The processes that talk to the host, from their first connection to their end.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "driver/host/executive/executive.hpp"
#include "driver/host/server/client_process.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host::server {

// Any thread. A process's pidfd says when it has ended; descriptor() becomes readable then.
class ProcessTable {
  public:
    explicit ProcessTable(Executive& executive);

    struct Admission {
        NTSTATUS status = STATUS_SUCCESS;
        ClientProcessRef process;  // with one connection more; null unless status is a success
    };
    // A process connects, for the first time or again.
    //   STATUS_TOO_MANY_SESSIONS  as many processes as the host will serve, in all or for this user
    //   STATUS_ACCESS_DENIED      the process is known with another user: its token does not change
    //   STATUS_INVALID_PARAMETER  another window than that of its other connections
    Admission admit(Peer peer, int socket, int notices, const AddressWindow& window);

    // One of the connected processes; null when there is none of this pid.
    ClientProcessRef find(std::uint32_t pid) const;
    std::vector<ClientProcessRef> all() const;

    int descriptor() const { return ended_.get(); }
    // Exit notification, handles, address space of those whose end has come since.
    void bury_ended();

  private:
    bool has_room_for(const Peer& peer) const;
    void bury(const ClientProcessRef& process);

    Executive& executive_;
    UniqueFd ended_;            // epoll over all pidfds
    mutable std::mutex mutex_;  // guards processes_; not held while a process exits
    std::unordered_map<std::uint32_t, ClientProcessRef> processes_;
};

}  // namespace aegis::host::server
