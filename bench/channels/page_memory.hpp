// Zeroed, resident pages, as the ring lives in. Throws std::bad_alloc.
#pragma once

#include <cstddef>

namespace aegis::bench {

class PageMemory {
  public:
    explicit PageMemory(std::size_t bytes);
    ~PageMemory();
    PageMemory(const PageMemory&) = delete;
    PageMemory& operator=(const PageMemory&) = delete;

    void* data() const { return data_; }

  private:
    std::size_t bytes_;
    void* data_;
};

}  // namespace aegis::bench
