// The name of a process for ever: its number is given to another one once it has ended.
#pragma once

#include <cstdint>

#include "nt/nt.hpp"

namespace aegis::driver {

struct ProcessKey {
    std::uint64_t value = 0;  // 0: not known
    // The time of the process's creation in place of its start key, which systems before Windows 10 1703 do not have.
    bool is_time = false;
};

// Looks up what this system can tell. Before the first sensor starts. IRQL PASSIVE_LEVEL.
void find_process_keys();

// `process_id` is that of a process that has begun and whose last thread has not ended. IRQL <= APC_LEVEL.
ProcessKey process_key(HANDLE process_id);

// Any IRQL.
ProcessKey process_key(PEPROCESS process);

}  // namespace aegis::driver
