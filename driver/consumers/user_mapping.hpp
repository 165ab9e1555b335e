// Nonpaged driver memory in the address space of one process.
#pragma once

#include <cstdint>

#include "nt/nt.hpp"

namespace aegis::driver {

enum class UserAccess : std::uint8_t {
    kReadOnly,
    kReadWrite,
};

class UserMapping {
  public:
    // Maps whole pages of nonpaged pool into the current process, never executable.
    // STATUS_INSUFFICIENT_RESOURCES when there is no memory or no address space; nothing is left then.
    // IRQL <= APC_LEVEL.
    NTSTATUS map(void* pages, std::uint64_t bytes, UserAccess access);

    // Undoes map, in the same address space. IRQL <= APC_LEVEL.
    void unmap();

    // In the process that map ran in.
    void* address() const { return address_; }

  private:
    PMDL mdl_ = nullptr;
    void* address_ = nullptr;
};

}  // namespace aegis::driver
