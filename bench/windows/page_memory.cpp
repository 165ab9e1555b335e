#include "channels/page_memory.hpp"

#include <windows.h>

#include <cstring>
#include <new>

namespace aegis::bench {

PageMemory::PageMemory(std::size_t bytes)
    : bytes_(bytes), data_(VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)) {
    if (data_ == nullptr) {
        throw std::bad_alloc();
    }
    std::memset(data_, 0, bytes_);  // the first touch makes them resident
}

PageMemory::~PageMemory() {
    VirtualFree(data_, 0, MEM_RELEASE);
}

}  // namespace aegis::bench
