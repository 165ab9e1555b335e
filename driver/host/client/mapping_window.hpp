// The part of this process's address space where the driver's memory appears.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "driver/host/client/protocol.hpp"
#include "driver/host/client/status.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host::client {

// One per process, shared by its connections; stays reserved for the process's life. Any thread.
//
// Mappings have ids, and an unmapping names the id, not the address: a notice that arrives late must
// not remove what was mapped at the same address since.
class MappingWindow {
  public:
    // The window of the calling process; a forked child gets a new one. Null: no address space left.
    static MappingWindow* of_this_process();

    std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(base_); }
    std::uint64_t bytes() const { return bytes_; }

    // Maps what the host describes. The mapping is not inherited by forked children: the driver
    // mapped it into this process only.
    //   kStatusUnexpectedNetworkError  outside the window
    //   kStatusInsufficientResources   the kernel refused
    NtStatus map(const protocol::Mapping& mapping, const UniqueFd& memory);

    // Harmless when there is no such mapping.
    void unmap(std::uint64_t id);

    // Counts connections; with the last one all mappings go.
    void enter();
    void leave();

    MappingWindow(const MappingWindow&) = delete;
    MappingWindow& operator=(const MappingWindow&) = delete;

  private:
    struct Range {
        std::uint64_t address = 0;
        std::uint64_t bytes = 0;
    };

    MappingWindow(std::byte* base, std::size_t bytes);
    void vacate(const Range& range);

    const pid_t owner_;
    std::byte* const base_;
    const std::size_t bytes_;
    std::mutex mutex_;  // guards what follows
    std::unordered_map<std::uint64_t, Range> ranges_;
    std::size_t connections_ = 0;
};

}  // namespace aegis::host::client
