#include "driver/host/server/client_address_space.hpp"

#include <fcntl.h>

#include "driver/host/descriptors.hpp"

namespace aegis::host::server {
namespace {

struct CurrentCall {
    const NoticeBoard* board = nullptr;
    MappingChanges* changes = nullptr;
};

thread_local CurrentCall current_call;

}  // namespace

CallScope::CallScope(const NoticeBoard& board, MappingChanges& changes) {
    current_call = {&board, &changes};
}

CallScope::~CallScope() {
    current_call = {};
}

MappingChanges* CallScope::changes_of(const NoticeBoard& board) {
    return current_call.board == &board ? current_call.changes : nullptr;
}

std::optional<std::uint64_t> ClientAddressSpace::map(const MappingRequest& request) {
    MappingChanges* const changes = CallScope::changes_of(*board_);
    if (changes == nullptr || changes->maps.size() == protocol::kMaxMappingChanges ||
        !descriptors_left(kDescriptorsInReserve)) {
        return std::nullopt;
    }
    UniqueFd memory(fcntl(request.memory, F_DUPFD_CLOEXEC, 0));
    const std::optional<std::uint64_t> address = memory ? allocator_->allocate(request.bytes) : std::nullopt;
    if (address) {
        const std::uint64_t id = next_id_++;
        ids_.emplace(*address, id);
        changes->maps.push_back({id, *address, request.bytes, request.offset, request.writable ? 1U : 0U, 0});
        changes->memory.push_back(std::move(memory));
    }
    return address;
}

void ClientAddressSpace::unmap(std::uint64_t address, std::uint64_t) {
    const auto found = ids_.find(address);
    if (found == ids_.end()) {
        return;
    }
    const std::uint64_t id = found->second;
    ids_.erase(found);
    allocator_->release(address);
    MappingChanges* const changes = CallScope::changes_of(*board_);
    if (changes != nullptr && changes->unmaps.size() < protocol::kMaxMappingChanges) {
        changes->unmaps.push_back(id);
    } else {
        board_->post_unmap(id);
    }
}

}  // namespace aegis::host::server
