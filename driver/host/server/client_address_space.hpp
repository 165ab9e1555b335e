// The executive's view of a client's addresses: the host chooses where, the client does the mapping.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "driver/host/client/protocol.hpp"
#include "driver/host/executive/memory/address_space.hpp"
#include "driver/host/server/notice_board.hpp"
#include "driver/host/server/window_allocator.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host::server {

// What a call changed in the caller's address space: goes back with its reply.
struct MappingChanges {
    std::vector<protocol::Mapping> maps;
    std::vector<UniqueFd> memory;  // one for each map
    std::vector<std::uint64_t> unmaps;
};

// For one scope the calling thread serves a call of the process behind `board`; changes of that process's
// mappings are collected.
class CallScope {
  public:
    CallScope(const NoticeBoard& board, MappingChanges& changes);
    ~CallScope();
    CallScope(const CallScope&) = delete;
    CallScope& operator=(const CallScope&) = delete;

    // Null: this thread serves no call of that process.
    static MappingChanges* changes_of(const NoticeBoard& board);
};

class ClientAddressSpace final : public AddressSpace {
  public:
    ClientAddressSpace(std::shared_ptr<WindowAllocator> allocator, std::shared_ptr<NoticeBoard> board)
        : allocator_(std::move(allocator)), board_(std::move(board)) {}

    // Only in a call of the process itself, because its reply carries the descriptor. No room: the
    // window is full, the reply is, or descriptors are few.
    std::optional<std::uint64_t> map(const MappingRequest& request) override;
    // In a call of the process: with its reply. In somebody else's: by a notice.
    void unmap(std::uint64_t address, std::uint64_t bytes) override;

  private:
    std::shared_ptr<WindowAllocator> allocator_;
    std::shared_ptr<NoticeBoard> board_;
    std::map<std::uint64_t, std::uint64_t> ids_;  // of mappings, by address
    std::uint64_t next_id_ = 1;
};

}  // namespace aegis::host::server
