// Where a process's user addresses are: in this Linux process, or in another one behind a socket.
#pragma once

#include <cstdint>
#include <optional>

namespace aegis::host {

// One mapping of driver memory into a process.
struct MappingRequest {
    // Borrowed for the call. For a read-only mapping the descriptor itself does not allow writing, and the
    // memory behind it is sealed against every later writable mapping.
    int memory = -1;
    std::uint64_t offset = 0;  // whole pages
    std::uint64_t bytes = 0;   // whole pages, not 0
    bool writable = false;
    bool executable = false;  // what the driver allowed; no implementation needs to grant it
};

// The executive calls one AddressSpace from one thread at a time, and never after destroying it. map() and unmap()
// run while a driver holds its locks, so they must not wait for the process they belong to.
class AddressSpace {
  public:
    virtual ~AddressSpace() = default;

    // The user address of the new mapping, a multiple of the page size; nothing when there is no room.
    virtual std::optional<std::uint64_t> map(const MappingRequest& request) = 0;

    // `address` and `bytes` as map() took and gave them. Cannot fail: a process that is gone has no mapping.
    virtual void unmap(std::uint64_t address, std::uint64_t bytes) = 0;
};

}  // namespace aegis::host
