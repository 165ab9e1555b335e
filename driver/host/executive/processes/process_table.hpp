// Processes by pid: clients, and those that only activity has reported.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "driver/host/executive/processes/process.hpp"

namespace aegis::host {

class ProcessTable {
  public:
    // Creates the system process, pid 4. It is in no table: on Linux another process may have that pid.
    ProcessTable();
    void destroy_system();
    Process& system() { return *system_; }

    // Null when a client with this pid exists, or a subsystem's process.
    ProcessRef add_client(std::uint32_t pid, Account account, std::unique_ptr<AddressSpace> space);
    // The process activity reports as created at `timestamp`; a new one, of this time of creation, unless it is known.
    Referenced<Process> created(std::uint32_t pid, std::int64_t timestamp, std::int64_t create_time);
    // A process that something was heard of at `timestamp`: from now on it is known, until its exit.
    Referenced<Process> heard_of(std::uint32_t pid, std::int64_t timestamp);
    // Empty when there is none.
    Referenced<Process> find(std::uint32_t pid);
    // As find(); where there is none, a process object for as long as the caller needs it.
    Referenced<Process> find_or_invent(std::uint32_t pid);

    struct Exit {
        Referenced<Process> process;  // empty: the exit was reported already
        bool client = false;
    };
    // Activity reports an exit.
    Exit exited(std::uint32_t pid);
    // A client has exited at `timestamp`; `reported`: activity knows. Ends its pid.
    void remove_client(Process& process, std::int64_t timestamp, bool reported);

    // Activity reported the exit while the client was exiting: nothing is left to suppress.
    void forget_exit_ahead(std::uint32_t pid);

    std::vector<ProcessRef> clients();

  private:
    struct Entry {
        Referenced<Process> process;
        bool client;
    };

    // Of a process that is known from now on. The caller holds mutex_.
    Entry& entry_of(std::uint32_t pid, std::int64_t create_time);

    Referenced<Process> system_;
    std::mutex mutex_;
    std::unordered_map<std::uint32_t, Entry> entries_;
    // Clients that were gone before activity reported their exit, and when: that exit is not reported again. Activity
    // may be late enough to report even the creation after this; a later creation is a new use of the pid.
    std::unordered_map<std::uint32_t, std::int64_t> exits_ahead_;
};

}  // namespace aegis::host
