#include "policy/case_table.hpp"

#include "nt/pool.hpp"

namespace aegis::driver {

NTSTATUS CaseTable::create() {
    units_ = static_cast<std::uint16_t*>(allocate_nonpaged(kUnits * sizeof(std::uint16_t)));
    if (units_ == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    for (std::size_t unit = 0; unit < kUnits; ++unit) {
        units_[unit] = RtlUpcaseUnicodeChar(static_cast<WCHAR>(unit));
    }
    units_[u'/'] = kSeparator;
    return STATUS_SUCCESS;
}

void CaseTable::destroy() {
    free_nonpaged(units_);
    units_ = nullptr;
}

}  // namespace aegis::driver
