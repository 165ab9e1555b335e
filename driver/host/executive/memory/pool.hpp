// Kernel pool: every block is known by address, tag, kind and allocating call.
#pragma once

#include <ntifs.h>

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/memory/pool_pages.hpp"

namespace aegis::host {

class Pool {
  public:
    // Memory that NT would hand out: filled with Poison::pool. Null when there is none. Stops on size 0 or
    // tag 0. `caller` is the return address into the driver.
    void* allocate(POOL_TYPE type, std::size_t bytes, ULONG tag, const void* caller);
    // Stops on an unknown address, another tag than at allocation, bytes written past the end. Tag 0 frees what NT has
    // allocated for the driver.
    void free(void* address, ULONG tag);

    // What an MDL may describe: nonpaged and inside one block.
    bool holds_nonpaged(const void* address, std::size_t bytes) const;
    bool holds_pageable(const void* address, std::size_t bytes) const;

    // 0 for an address that is no block.
    std::size_t size_of(const void* address) const;
    // The same.
    ULONG tag_of(const void* address) const;

    struct SharedRange {
        UniqueFd memory;  // empty: the system refuses
        std::size_t offset = 0;
    };
    // The whole pages [address, address + bytes), for a user mapping. Stops unless both ends lie on pages and all of
    // it is one block of a page or more: NT hands out what is left of a block's last page to others.
    SharedRange share(const void* address, std::size_t bytes, bool writable);

    // No process has a mapping any more, as NT counts. A real one whose unmapping is still on its way, or that ignores
    // it, does not see what the driver writes from now on.
    void stop_sharing();

    std::vector<PoolBlock> blocks() const;
    // One line for each block that is still allocated.
    std::string describe_leaks() const;

  private:
    struct Block {
        std::size_t bytes;   // as asked for
        std::size_t extent;  // with the guard that follows
        ULONG tag;
        bool paged;
        const void* caller;
        std::optional<PoolPages> pages;
    };
    using Blocks = std::map<const std::byte*, Block>;

    Blocks::const_iterator find_holder(const void* address, std::size_t bytes) const;

    mutable std::mutex mutex_;
    Blocks blocks_;
    // Blocks freed so far whose address was not handed out again, to tell a double free from a wild pointer.
    std::map<const std::byte*, ULONG> freed_;
};

// Of blocks that NT allocates for the driver to free.
inline constexpr ULONG kTokenInformationTag = 0x69546553;  // "SeTi"

// The four characters of a tag, as poolmon shows them.
std::string pool_tag_text(ULONG tag);

}  // namespace aegis::host
