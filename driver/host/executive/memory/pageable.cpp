#include "driver/host/executive/memory/pageable.hpp"

#include "driver/host/executive/sync/thread_state.hpp"

namespace aegis::host {

PageableMemory::PageableMemory(const void* address, std::size_t bytes) {
    this_thread().pageable.push_back({address, bytes});
}

PageableMemory::~PageableMemory() {
    this_thread().pageable.pop_back();
}

}  // namespace aegis::host
