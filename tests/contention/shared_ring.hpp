// A ring in memory shared between processes: the driver's writable mapping, and read-only ones for consumers.
#pragma once

#include <cstdint>

#include "aegis/ring/region.hpp"
#include "contention/mapping.hpp"
#include "support/zeroed_region.hpp"

namespace aegis::test {

class SharedRing {
  public:
    explicit SharedRing(std::uint32_t cells)
        : shared_(ring::region_bytes(cells)),
          writable_(shared_.map_writable()),
          memory_(ring::format_region(writable_.data(), cells, kSessionA)) {}

    const ring::RingMemory<>& memory() const { return memory_; }
    Mapping map_read_only() const { return shared_.map_read_only(); }

  private:
    SharedMemory shared_;
    Mapping writable_;
    ring::RingMemory<> memory_;
};

}  // namespace aegis::test
