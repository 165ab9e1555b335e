// Zeroed, resident pages that several processes could share: what the ring lives in.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace aegis::bench {

class PageMemory {
  public:
    explicit PageMemory(std::size_t bytes)
        : bytes_(bytes),
          data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)) {
        if (data_ == MAP_FAILED) {
            throw std::bad_alloc();
        }
    }
    ~PageMemory() { munmap(data_, bytes_); }
    PageMemory(const PageMemory&) = delete;
    PageMemory& operator=(const PageMemory&) = delete;

    void* data() const { return data_; }

  private:
    std::size_t bytes_;
    void* data_;
};

}  // namespace aegis::bench
