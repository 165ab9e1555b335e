// What this executive exports by name, as ntoskrnl.exe does: for MmGetSystemRoutineAddress and for binding a driver
// image's imports.
#pragma once

#include <span>
#include <string_view>

namespace aegis::host {

struct Export {
    std::string_view name;
    void* address;  // of a function in NT's calling convention, or of the variable itself for data
    bool data = false;
};

// Sorted by name.
std::span<const Export> all_exports();

// Null when there is no such name. Case matters.
void* find_export(std::string_view name);

}  // namespace aegis::host
