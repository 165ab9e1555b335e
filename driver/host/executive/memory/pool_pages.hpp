// Whole pages of nonpaged pool that can be mapped into processes: one memfd each, between two guard pages.
#pragma once

#include <cstddef>
#include <optional>

#include "driver/host/unique_fd.hpp"

namespace aegis::host {

class PoolPages {
  public:
    // `bytes` is rounded up to whole pages. Nothing when the system has no memory or no descriptor left.
    static std::optional<PoolPages> allocate(std::size_t bytes);
    PoolPages(PoolPages&& other) noexcept;
    PoolPages& operator=(PoolPages&&) = delete;
    ~PoolPages();

    std::byte* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }

    // A descriptor for one user mapping; empty when the system refuses. The first call decides between two kinds, and
    // the pages never change from one to the other:
    // read-only, where no one who holds a descriptor can map or write them, by any route, with any privilege;
    // writable, where no one can add a seal or change the size.
    UniqueFd share(bool writable);

    // Cuts off every mapping made from a shared descriptor: it keeps showing what the pages hold now, and from now on
    // the driver writes to pages of its own. Where the system refuses for want of memory, all stays as it is.
    void stop_sharing();

  private:
    PoolPages(UniqueFd memory, std::byte* data, std::size_t bytes);

    UniqueFd memory_;
    std::byte* data_;
    std::size_t bytes_;
    std::optional<bool> shared_writable_;
};

}  // namespace aegis::host
