// Page-aligned zeroed memory of exactly the asked size: what pool memory is to the driver.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

#include "aegis/ring/region.hpp"

namespace aegis::test {

class ZeroedRegion {
  public:
    explicit ZeroedRegion(std::size_t bytes)
        : bytes_(bytes), memory_(static_cast<std::byte*>(::operator new(bytes, kAlignment))) {
        std::memset(memory_.get(), 0, bytes);
    }

    std::byte* data() { return memory_.get(); }
    const std::byte* data() const { return memory_.get(); }
    std::size_t size() const { return bytes_; }

  private:
    static constexpr std::align_val_t kAlignment{AEGIS_PAGE};

    struct Free {
        void operator()(std::byte* memory) const { ::operator delete(memory, kAlignment); }
    };

    std::size_t bytes_;
    std::unique_ptr<std::byte, Free> memory_;
};

inline constexpr std::uint8_t kSessionA[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
inline constexpr std::uint8_t kSessionB[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17};

// A region as the driver lays it out.
class FormattedRegion {
  public:
    explicit FormattedRegion(std::uint32_t cell_count, const std::uint8_t* session = kSessionA)
        : region_(ring::region_bytes(cell_count)), memory_(ring::format_region(region_.data(), cell_count, session)) {}

    ZeroedRegion& bytes() { return region_; }
    AEGIS_RING_HEADER* header() { return reinterpret_cast<AEGIS_RING_HEADER*>(region_.data()); }
    const ring::RingMemory<>& memory() const { return memory_; }

  private:
    ZeroedRegion region_;
    ring::RingMemory<> memory_;
};

}  // namespace aegis::test
