#include "channels/page_memory.hpp"

#include <sys/mman.h>

#include <new>

namespace aegis::bench {

// Shared, as the pages of several processes are: private ones would be mapped by larger units.
PageMemory::PageMemory(std::size_t bytes)
    : bytes_(bytes),
      data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)) {
    if (data_ == MAP_FAILED) {
        throw std::bad_alloc();
    }
}

PageMemory::~PageMemory() {
    munmap(data_, bytes_);
}

}  // namespace aegis::bench
