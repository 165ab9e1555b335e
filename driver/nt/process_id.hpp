// NT passes process ids as HANDLEs; events and replies carry them as 32-bit numbers.
#pragma once

#include <cstdint>

#include "nt/nt.hpp"

namespace aegis::driver {

inline std::uint32_t process_id_number(HANDLE process_id) {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(process_id));
}

}  // namespace aegis::driver
