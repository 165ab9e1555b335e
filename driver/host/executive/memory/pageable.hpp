// Memory that NT may page out, as a thread lends it to the driver.
#pragma once

#include <cstddef>

namespace aegis::host {

// Under AddressSanitizer the memory is poisoned while the thread that made this runs at DISPATCH_LEVEL or above.
// Without it nothing happens: the page fault that NT would stop at is as rare as there.
class PageableMemory {
  public:
    // At an IRQL below DISPATCH_LEVEL. The memory outlives this, and is this thread's alone as long.
    PageableMemory(const void* address, std::size_t bytes);
    // On the same thread; the last one made goes first.
    ~PageableMemory();
    PageableMemory(const PageableMemory&) = delete;
    PageableMemory& operator=(const PageableMemory&) = delete;
};

}  // namespace aegis::host
