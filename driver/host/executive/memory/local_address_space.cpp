#include "driver/host/executive/memory/local_address_space.hpp"

#include <sys/mman.h>

namespace aegis::host {

std::optional<std::uint64_t> LocalAddressSpace::map(const MappingRequest& request) {
    if (room_ == 0) {
        return std::nullopt;
    }
    const int protection = PROT_READ | (request.writable ? PROT_WRITE : 0);
    void* address =
        ::mmap(nullptr, request.bytes, protection, MAP_SHARED, request.memory, static_cast<off_t>(request.offset));
    if (address == MAP_FAILED) {
        return std::nullopt;
    }
    --room_;
    return reinterpret_cast<std::uint64_t>(address);
}

void LocalAddressSpace::unmap(std::uint64_t address, std::uint64_t bytes) {
    ::munmap(reinterpret_cast<void*>(address), bytes);
    ++room_;
}

}  // namespace aegis::host
