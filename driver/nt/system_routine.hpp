// Functions of the kernel that mingw-w64's import library lacks, or that an older system does not export: found by
// name at load, and done without where they are not.
#pragma once

#include <cstddef>

#include "nt/nt.hpp"

namespace aegis::driver {

// Null where this system has no such export. IRQL PASSIVE_LEVEL.
template <class Routine, std::size_t kUnits>
Routine find_system_routine(const char16_t (&name)[kUnits]) {
    UNICODE_STRING string = unicode_literal(name);
    return reinterpret_cast<Routine>(MmGetSystemRoutineAddress(&string));
}

}  // namespace aegis::driver
