// Upper case of every UTF-16 unit, in nonpaged memory: NT's own table is pageable, and paths are compared at
// DISPATCH_LEVEL as well.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nt/nt.hpp"

namespace aegis::driver {

class CaseTable {
  public:
    static constexpr std::uint16_t kSeparator = u'\\';

    // STATUS_INSUFFICIENT_RESOURCES. IRQL PASSIVE_LEVEL.
    NTSTATUS create();

    // IRQL <= DISPATCH_LEVEL.
    void destroy();

    // What is equal after this is the same in a path: upper case, and both separators as kSeparator. Any IRQL.
    std::uint16_t fold(std::uint16_t unit) const { return units_[unit]; }

  private:
    static constexpr std::size_t kUnits = 0x10000;

    std::uint16_t* units_ = nullptr;
};

}  // namespace aegis::driver
